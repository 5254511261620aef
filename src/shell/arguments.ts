import * as Args from '@oclif/core/args';

/** The one argument of `show`: which artefact. */
export const reference = (kind: string) => ({
  reference: Args.string({ required: true, description: `The ${kind}: path, id, tag or latest.` }),
});
