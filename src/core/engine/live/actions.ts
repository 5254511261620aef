import type { CorporateAction } from '../../domain/bars.js';
import { decimalText, round } from '../../domain/decimal.js';
import type { Rounding } from '../../market/index.js';
import type { CorporateActionRecord } from '../../state/index.js';

/**
 * An action as the journal applies it to `owned` units of instrument j. `closes` are the last prices by id: what a venue
 * pays at a delisting without a price, and for the fraction that a split leaves. A rename moves the price along.
 */
export function actionRecord(
  action: CorporateAction,
  owned: number,
  j: number,
  closes: Record<string, number>,
  rounding: Rounding,
): CorporateActionRecord {
  const { instrument, date } = action;
  const last = closes[instrument] ?? 0;
  switch (action.type) {
    case 'dividend':
      return { type: 'dividend', instrument, date, value: decimalText(action.amount) };
    case 'delisting':
      return { type: 'delisting', instrument, date, value: decimalText(action.amount ?? last) };
    case 'rename':
      closes[action.becomes] ??= last;
      return { type: 'rename', instrument, date, becomes: action.becomes };
    case 'split': {
      closes[instrument] = last / action.ratio;
      const units = Math.sign(owned) * rounding.quantity(j, Math.abs(owned * action.ratio));
      return {
        ...{ type: 'split', instrument, date, value: decimalText(action.ratio) },
        ...{ units: round(decimalText(units), 9), price: decimalText(last / action.ratio) },
      };
    }
  }
}
