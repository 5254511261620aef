/** The page's style: light and dark by the reader's system, one column on narrow screens. */
export const STYLE = `
:root{color-scheme:light dark;--bg:#fbfbfa;--fg:#1c1e21;--soft:#5f6670;--line:#dcdfe3;--card:#fff;--a:#1f6feb;--b:#8a93a0;--up:#178a4c;--down:#c93a34;--fill:#1f6feb22;--fall:#c93a3433}
@media (prefers-color-scheme:dark){:root{--bg:#121417;--fg:#e6e8eb;--soft:#9aa3ae;--line:#2c3138;--card:#1a1d21;--a:#5aa2ff;--b:#7c8794;--up:#3fbf7a;--down:#ff6f66;--fill:#5aa2ff26;--fall:#ff6f6633}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.45 system-ui,-apple-system,"Segoe UI",sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1180px;margin:0 auto;padding:1.5rem 1rem 4rem}
h1{font-size:1.5rem;margin:0 0 .25rem}h2{font-size:1.1rem;margin:2.2rem 0 .7rem}
p{margin:.3rem 0}.soft{color:var(--soft)}
.badge{display:inline-block;padding:.1rem .6rem;border-radius:.4rem;color:#fff;font-weight:700;letter-spacing:.03em;vertical-align:middle}
.badge.pass{background:#178a4c}.badge.fail{background:#b3261e}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(125px,1fr));gap:.6rem;margin:1rem 0}
.card,figure,.scroll{background:var(--card);border:1px solid var(--line);border-radius:.5rem}
.card{padding:.55rem .7rem}.card b{display:block;font-size:1.2rem;font-weight:600}.card span{color:var(--soft);font-size:.8rem}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,430px),1fr));gap:1rem}
figure{margin:0 0 1rem;padding:.7rem .8rem 1.7rem;min-width:0}.two figure{margin:0}
figcaption{font-weight:600;margin-bottom:.5rem}
.legend{font-weight:400;font-size:.8rem;color:var(--soft)}.legend span{margin-left:.9rem;white-space:nowrap}
.legend i{display:inline-block;width:1rem;height:0;border-top:2px solid var(--a);vertical-align:middle;margin-right:.3rem}
.legend i.b{border-color:var(--b)}.legend i.up{border-color:var(--up)}.legend i.down{border-color:var(--down)}
.chart{position:relative;margin-left:3.9rem}
.chart svg{width:100%;height:100%;display:block;overflow:visible}
.ys span,.xs span{position:absolute;font-size:.72rem;color:var(--soft);white-space:nowrap}
.ys span{right:calc(100% + .4rem);transform:translateY(-50%)}.xs span{top:calc(100% + .25rem);transform:translateX(-50%)}
.xs span.end{transform:translateX(-100%)}
svg path,svg rect{vector-effect:non-scaling-stroke}
.grid{stroke:var(--line);stroke-width:1;fill:none}
.line{fill:none;stroke:var(--a);stroke-width:1.6;stroke-linejoin:round}.line.b{stroke:var(--b)}.line.up{stroke:var(--up)}.line.down{stroke:var(--down)}.line.dash{stroke-dasharray:5 4;stroke-width:1.2}.line.thin{stroke-width:1}.line.faint{stroke-width:1;opacity:.35}
.area{stroke:none;fill:var(--fill)}.area.down{fill:var(--fall)}
rect.a{fill:var(--a);opacity:.75}rect.up{fill:var(--up)}rect.down{fill:var(--down)}
.scroll{overflow-x:auto}.scroll+.scroll,.two+.scroll{margin-top:1rem}
table{border-collapse:collapse;width:100%;font-size:.86rem}
th,td{padding:.32rem .6rem;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}td.text,th.text{text-align:left;white-space:normal;min-width:12rem}
tr:last-child td{border-bottom:0}
.pass{color:var(--up)}.fail{color:var(--down);font-weight:600}.badge.pass,.badge.fail{color:#fff}
.meter{display:inline-block;position:relative;width:7rem;height:.55rem;background:var(--line);border-radius:.3rem;vertical-align:middle;overflow:hidden}
.meter i{position:absolute;top:0;bottom:0}.meter i.pass{background:var(--up)}.meter i.fail{background:var(--down)}
.meter.wide{width:12rem}
.heat td{text-align:center}.heat td:first-child{text-align:left}
pre{margin:0;white-space:pre-wrap;word-break:break-word;font-size:.78rem;color:var(--soft)}
details{margin:.4rem 0}summary{cursor:pointer}
details{border-left:3px solid var(--line);padding:.25rem 0 .25rem .8rem}details pre{margin:.4rem 0}
code{font-size:.85rem;word-break:break-all}
@media (max-width:600px){
.meter.wide{width:5.5rem}.xs span:nth-child(even){display:none}.chart{margin-left:3.2rem}
thead{display:none}tr{display:block;padding:.35rem .6rem;border-bottom:1px solid var(--line)}tr:last-child{border-bottom:0}
td{display:flex;justify-content:space-between;gap:1rem;padding:.1rem 0;border:0;white-space:normal;overflow-wrap:anywhere}td:empty{display:none}
td:first-child{font-weight:600}td[data-column]::before{content:attr(data-column);color:var(--soft)}td.text{min-width:0}td.text[data-column]{text-align:right}
.heat tr{display:grid;grid-template-columns:repeat(6,1fr);gap:2px}.heat td:first-child,.heat td:last-child{grid-column:1/-1}
.heat td[data-column]:not(:last-child){display:block;min-height:2.2rem;border-radius:.2rem}.heat td[data-column]:not(:last-child)::before{display:block;font-size:.65rem}
}
@media print{body{background:#fff}figure,.card{break-inside:avoid}}
`;
