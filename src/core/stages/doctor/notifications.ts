import type { DoctorOptions } from '../../config/index.js';
import { channelOf, type NotifyPreset } from '../notify/presets.js';
import type { Runtime } from '../runtime.js';
import { type Finding, failure, ok, skip, warn } from './finding.js';

const CHECK = 'notifications';

/** Whether news could be sent as `trade` would send them. Sends none: a message would reach people. */
export function notificationCheck({ notify }: Pick<DoctorOptions, 'notify'>, { secrets }: Runtime): Finding {
  if (notify === undefined) {
    const set = Object.keys(secrets).find((name) => name.startsWith('QUANTLINE_NOTIFY_'));
    if (set === undefined) return skip(CHECK, 'none are set up');
    return warn(CHECK, `${set} is set, but no service is named: nothing is sent`, 'Add --notify, or QUANTLINE_NOTIFY.');
  }
  try {
    const { origin } = channelOf(notify as NotifyPreset, secrets);
    return ok(CHECK, `${notify}, at ${origin}; no message was sent`);
  } catch (error) {
    return failure(CHECK, error);
  }
}
