import type { GateResult } from '../gates/index.js';
import type { PeriodReturn } from '../metrics/index.js';
import { formatFigure, percent } from '../report/format.js';
import { escapeHtml } from './text.js';

export type Cell = string | { readonly html: string };

/** A cell of the body names its column: narrow screens stack the cells of a row. */
const cell = (value: Cell, column: string, text: boolean): string => {
  const inner = typeof value === 'string' ? escapeHtml(value) : value.html;
  const named = column === '' ? '' : ` data-column="${escapeHtml(column)}"`;
  return `<td${text ? ' class="text"' : ''}${named}>${inner}</td>`;
};

/** `text` lists the columns that hold sentences. */
export function table(
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
  text: readonly number[] = [],
): string {
  const header = head.map((h, i) => `<th${text.includes(i) ? ' class="text"' : ''}>${escapeHtml(h)}</th>`).join('');
  const body = rows
    .map((row) => `<tr>${row.map((v, i) => cell(v, i === 0 ? '' : head[i]!, text.includes(i))).join('')}</tr>`)
    .join('');
  return `<div class="scroll"><table><thead><tr>${header}</tr></thead><tbody>${body}</tbody></table></div>`;
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
  const shade = (value: number | undefined, month: string) => {
    if (value === undefined) return `<td data-column="${month}"></td>`;
    const strength = Math.round((Math.abs(value) / largest) * 60);
    const color = value < 0 ? 'down' : 'up';
    return `<td data-column="${month}" style="background:color-mix(in srgb,var(--${color}) ${strength}%,transparent)">${percent(value, 1).replace(' %', '')}</td>`;
  };
  const rows = years.map((year) => {
    const cells = MONTHS.map((name, m) => shade(byMonth.get(`${year.period}-${String(m + 1).padStart(2, '0')}`), name));
    return `<tr><td>${year.period}</td>${cells.join('')}<td data-column="Year"><b>${percent(year.return, 1).replace(' %', '')}</b></td></tr>`;
  });
  const head = ['%', ...MONTHS, 'Year'].map((h) => `<th>${h}</th>`).join('');
  return `<div class="scroll"><table class="heat"><thead><tr>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}
