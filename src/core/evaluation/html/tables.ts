import type { GateResult } from '../gates/index.js';
import type { PeriodReturn } from '../metrics/index.js';
import { formatFigure, percent } from '../report/format.js';
import { escapeHtml } from './text.js';

export type Cell = string | { readonly html: string };

const cell = (value: Cell, head = false, text = false): string => {
  const tag = head ? 'th' : 'td';
  const inner = typeof value === 'string' ? escapeHtml(value) : value.html;
  return `<${tag}${text ? ' class="text"' : ''}>${inner}</${tag}>`;
};

/** `text` lists the columns that hold sentences. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  text: readonly number[] = [],
): string {
  const header = `<tr>${head.map((h, i) => cell(h, true, text.includes(i))).join('')}</tr>`;
  const body = rows.map((row) => `<tr>${row.map((v, i) => cell(v, false, text.includes(i))).join('')}</tr>`).join('');
  return `<div class="scroll"><table><thead>${header}</thead><tbody>${body}</tbody></table></div>`;
}

export const passFail = (pass: boolean): Cell => ({
  html: `<span class="${pass ? 'pass' : 'fail'}">${pass ? 'pass' : 'FAIL'}</span>`,
});

/** A bar that grows from the middle by the margin's size against the threshold. */
export function marginMeter({ margin, threshold, pass }: GateResult): string {
  if (margin === null) return '';
  const share = Math.min(1, Math.abs(margin) / (Math.abs(threshold) || 1)) * 50;
  const left = pass ? 50 : 50 - share;
  return `<span class="meter"><i class="${pass ? 'pass' : 'fail'}" style="left:${left.toFixed(1)}%;width:${share.toFixed(1)}%"></i></span>`;
}

/** A bar from the middle, to the right for what is above zero, as long as the value's share of the largest one. */
export function valueMeter(value: number, largest: number): string {
  const share = largest > 0 ? (Math.min(1, Math.abs(value) / largest) * 50).toFixed(1) : '0';
  const left = value < 0 ? 50 - Number(share) : 50;
  return `<span class="meter wide"><i class="${value < 0 ? 'fail' : 'pass'}" style="left:${left}%;width:${share}%"></i></span>`;
}

export function gateTable(results: readonly GateResult[]): string {
  return table(
    ['gate', '', 'value', 'margin', '', ''],
    results.map((r) => [
      `${r.figure} ${r.op} ${r.threshold}`,
      passFail(r.pass),
      formatFigure(r.figure, r.value),
      r.margin === null ? '–' : `${r.margin < 0 ? '' : '+'}${formatFigure(r.figure, r.margin)}`,
      { html: marginMeter(r) },
      r.reason ?? '',
    ]),
    [5],
  );
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Returns by year and month, shaded by size. */
export function monthTable(months: readonly PeriodReturn[], years: readonly PeriodReturn[]): string {
  const byMonth = new Map(months.map((m) => [m.period, m.return]));
  const largest = Math.max(0.001, ...months.map((m) => Math.abs(m.return)));
  const shade = (value: number | undefined) => {
    if (value === undefined) return '<td></td>';
    const strength = Math.round((Math.abs(value) / largest) * 60);
    const color = value < 0 ? 'down' : 'up';
    return `<td style="background:color-mix(in srgb,var(--${color}) ${strength}%,transparent)">${percent(value, 1).replace(' %', '')}</td>`;
  };
  const rows = years.map((year) => {
    const cells = MONTHS.map((_, m) => shade(byMonth.get(`${year.period}-${String(m + 1).padStart(2, '0')}`)));
    return `<tr><td>${year.period}</td>${cells.join('')}<td><b>${percent(year.return, 1).replace(' %', '')}</b></td></tr>`;
  });
  const head = ['%', ...MONTHS, 'Year'].map((h) => `<th>${h}</th>`).join('');
  return `<div class="scroll"><table class="heat"><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}
