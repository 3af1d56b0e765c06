/** What a run has found, and its Markdown form. */
import type { Row } from './rows.ts';
import { median, pairedRatio } from './statistics.ts';

export interface Finding {
  readonly row: Row;
  /** By peer, in the order of the repeats. */
  readonly values: ReadonlyMap<string, readonly number[]>;
}

export interface Report {
  /** Name and version, in the order of the columns. */
  readonly peers: readonly { readonly name: string; readonly version: string }[];
  readonly baseline: string;
  readonly findings: readonly Finding[];
  /** Where, when and how it was measured. */
  readonly circumstances: readonly string[];
}

/** A peer's median in the row's unit, and its ratio to the baseline; undefined if it wasn't measured. */
export function figures(
  finding: Finding,
  peer: string,
  baseline: string,
): { readonly value: number; readonly ratio: number | undefined } | undefined {
  const values = finding.values.get(peer);
  if (!values?.length) return undefined;
  const reference = finding.values.get(baseline);
  return { value: median(values), ratio: reference?.length ? pairedRatio(values, reference) : undefined };
}

/** Whether Sluice reaches the row's goals; undefined if there is none, or nothing to tell it by. */
export function reachesGoals(finding: Finding, baseline: string): boolean | undefined {
  const reached = finding.row.goals.map(({ of, most, to = baseline }) => {
    const found = figures(finding, 'Sluice', to);
    const figure = of === 'ratio' ? found?.ratio : found?.value;
    return figure === undefined ? undefined : figure <= most;
  });
  return reached.length && !reached.includes(undefined) ? !reached.includes(false) : undefined;
}

/** A table with a column for each peer: the median, and in brackets the median of the paired ratios. */
export function markdown(report: Report): string {
  const { baseline, peers } = report;
  const head = ['', 'unit', ...peers.map(({ name, version }) => `${name} ${version}`.trim()), 'goal', ''];
  const rows = report.findings.map((finding) => [
    finding.row.name,
    finding.row.unit,
    ...peers.map(({ name }) => cell(finding, name, baseline)),
    goalText(finding.row),
    verdict(finding, baseline),
  ]);
  const rule = head.map((_, column) => (column < 2 ? '---' : '---:'));
  const table = [head, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return [...table, '', ...report.circumstances.map((line) => `- ${line}`), ''].join('\n');
}

/** Three digits at least, for whatever size. */
export function rounded(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function cell(finding: Finding, peer: string, baseline: string): string {
  const found = figures(finding, peer, baseline);
  if (!found) return '–';
  const ratio = peer === baseline || found.ratio === undefined ? '' : ` [${found.ratio.toFixed(2)}]`;
  return rounded(found.value) + ratio;
}

function goalText({ goals }: Row): string {
  const texts = goals.map(({ of, most, to }) => {
    if (of === 'value') return rounded(most);
    return to === undefined ? `[${most.toFixed(2)}]` : `${most.toFixed(2)} × ${to}`;
  });
  return texts.join(', ');
}

function verdict(finding: Finding, baseline: string): string {
  const reached = reachesGoals(finding, baseline);
  if (reached === undefined) return '';
  return reached ? 'reached' : 'missed';
}
