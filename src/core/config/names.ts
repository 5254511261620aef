/** `stopLoss` → `stop-loss`: the name of a flag and of a file key. */
export const kebab = (key: string): string => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const upper = (name: string): string => name.replace(/[-: ./]/g, '_').toUpperCase();

/** `stopLoss` → `QUANTLINE_STOP_LOSS`: the variable of an option, for every command that has it. */
export const variableName = (key: string): string => `QUANTLINE_${upper(kebab(key))}`;

/** `runs:show`, `limit` → `QUANTLINE_RUNS_SHOW_LIMIT`: the variable of one command's option; it goes before the shared one. */
export const commandVariableName = (command: string, key: string): string =>
  `QUANTLINE_${upper(command)}_${upper(kebab(key))}`;

/** `source`, `synthetic`, `edge` → `QUANTLINE_SOURCE_SYNTHETIC_EDGE`: a setting of an adapter. */
export const adapterVariableName = (port: string, adapter: string, setting: string): string =>
  `QUANTLINE_${upper(port)}_${upper(adapter)}_${upper(kebab(setting))}`;

/** `runs:show` → `runs-show`: a command's section of quantline.yaml. */
export const sectionName = (command: string): string => command.replaceAll(':', '-');
