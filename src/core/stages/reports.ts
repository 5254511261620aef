import { readFile } from 'node:fs/promises';
import type { Artifact } from '../artifacts/index.js';
import { QuantlineError } from '../errors/index.js';
import type { TableModel } from '../evaluation/index.js';
import { REPORT_FILE, type ReportDocument, reportSchema } from '../evaluation/report/document.js';
import type { Runtime } from './runtime.js';

/** Reads a verified report artefact. */
export async function readReport(artifact: Artifact): Promise<ReportDocument> {
  const parsed = reportSchema.safeParse(JSON.parse(await readFile(artifact.file(REPORT_FILE), 'utf8')));
  if (parsed.success) return parsed.data;
  throw new QuantlineError('ARTIFACT_CORRUPT', `The report does not follow its schema: ${artifact.path}`, {
    hint: 'Evaluate the run again.',
    cause: parsed.error,
  });
}

export interface ShownReport {
  readonly artifact: Artifact;
  readonly report: ReportDocument;
  /** Verdict and main figures, honesty checks, then every figure. */
  readonly tables: readonly TableModel[];
  readonly notes: readonly string[];
}

/** `quantline reports show`: by path, id, tag or latest. */
export async function showReport(reference: string, runtime: Pick<Runtime, 'artifacts'>): Promise<ShownReport> {
  const artifact = await runtime.artifacts.open('report', reference);
  const report = await readReport(artifact);
  // What trades reads a report without all that can judge one.
  const { figureTable, honestyTable, reportNotes, reportTables } = await import('../evaluation/index.js');
  const tables = [...reportTables(report), honestyTable(report), figureTable(report)];
  return { artifact, report, tables, notes: reportNotes(report) };
}
