import { type Context, type Outcome, QuantlineCommand } from '../shell/base.js';
import { flagsOf } from '../shell/flags.js';
import { artifactOutcome } from '../shell/outcome.js';
import { count } from '../shell/series.js';

export default class Trade extends QuantlineCommand<'trade'> {
  static override summary = 'Trade a report at a venue: safe to start twice, late, or after a crash.';
  static override description =
    'One decision a slot; every start reconciles with the venue first. Exit code 6: the strategy is halted, or an order of --once was refused, not sent, or may or may not be at the venue. Prints the path of the session.';
  static override examples = [
    '<%= config.bin %> trade --report latest --strategy swing --broker sim --once',
    '<%= config.bin %> trade --run latest --strategy trial --broker sim --until 2022-03-10',
  ];
  static override flags = flagsOf('trade');
  protected readonly command = 'trade';

  protected async execute(context: Context<'trade'>): Promise<Outcome> {
    const { trade } = await import('../core/stages/trade.js');
    const { artifact, session, exit } = await trade(context.options, await context.runtime());
    const { outcome, reason, slots, first_slot, last_slot, orders, rejected, unsent, unresolved } = session;
    const { fills, equity, positions } = session;
    const span = first_slot === last_slot ? first_slot : `from ${first_slot} to ${last_slot}`;
    const doubt = unresolved === 0 ? '' : `, ${unresolved} that may or may not be at the venue`;
    const lines = [
      `${outcome}${reason === null ? '' : `: ${reason}`}`,
      `${count(slots, 'slot')}${slots === 0 ? '' : ` ${span}`}, ${count(orders, 'order')} (${rejected} rejected, ${unsent} not sent${doubt}), ${count(fills, 'fill')} in the journal`,
      ...(equity === null ? [] : [`equity ${equity.toFixed(2)}`]),
      ...positions.map(({ instrument, quantity }) => `holds ${quantity} ${instrument}`),
    ];
    return artifactOutcome(artifact, false, { session }, lines, exit);
  }
}
