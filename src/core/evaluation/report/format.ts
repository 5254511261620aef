import { FIGURES, type FigureInfo } from '../metrics/index.js';
import { SIGNIFICANCE } from '../significance/names.js';

const ALL: Readonly<Record<string, FigureInfo>> = { ...FIGURES, ...SIGNIFICANCE };

export const figureTitle = (name: string): string => ALL[name]?.title ?? name;

/** A figure for people: per cent, ratios to two decimals, whole counts; a dash where it is not defined. */
export function formatFigure(name: string, value: number | null | undefined): string {
  if (value === null || value === undefined) return '–';
  switch (ALL[name]?.unit) {
    case 'fraction':
      return percent(value);
    case 'money':
      return money(value);
    case 'count':
      return Number.isInteger(value) ? String(value) : value.toFixed(1);
    case 'cost':
      return `${(1e4 * value).toFixed(1)} bp`;
    case 'probability':
      return value.toFixed(3);
    default:
      return value.toFixed(2);
  }
}

export const percent = (value: number, digits = 2): string => `${clean((100 * value).toFixed(digits))} %`;

/** Thousands parted by commas, two decimals. */
export function money(value: number): string {
  const [whole = '', cents = ''] = Math.abs(value).toFixed(2).split('.');
  const sign = value < 0 && Number(value.toFixed(2)) !== 0 ? '-' : '';
  return `${sign}${whole.replace(/\B(?=(\d{3})+$)/g, ',')}.${cents}`;
}

/** No minus before a rounded zero. */
const clean = (text: string): string => (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text);
