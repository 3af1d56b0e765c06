/** The ratios to the baseline as an SVG bar chart: a group for each row, a bar for each peer, a mark at the goal. */
import { figures, type Report } from './report.ts';

const WIDTH = 720;
const LABELS = 130;
const FIGURES = 60;
const BAR = 14;
const GAP = 14;
const TOP = 40;
/** The axis reaches so far; a longer bar is cut there, and its figure tells the rest. */
const LONGEST = 1.5;
const COLOURS = ['#9aa5b1', '#0b7285', '#e8a33d', '#7a5195'];

export function svg(report: Report): string {
  const parts: string[] = [];
  let y = TOP;
  for (const finding of report.findings) {
    const begin = y;
    report.peers.forEach(({ name }, i) => {
      const ratio = figures(finding, name, report.baseline)?.ratio;
      if (ratio === undefined) return;
      const width = scale(Math.min(ratio, LONGEST)) - LABELS;
      parts.push(
        `<rect x="${LABELS}" y="${y}" width="${width.toFixed(1)}" height="${BAR - 2}" fill="${COLOURS[i]}"/>`,
        text(LABELS + width + 5, y + BAR - 4, ratio.toFixed(2)),
      );
      y += BAR;
    });
    if (y === begin) continue;
    parts.push(text(LABELS - 8, (begin + y) / 2 + 3, finding.row.name, 'end'));
    const goal = finding.row.goals.find(({ of, to }) => of === 'ratio' && to === undefined);
    if (goal) parts.push(line(scale(goal.most), begin - 3, y + 1, '#c92a2a'));
    y += GAP;
  }
  const legend = report.peers.map(({ name, version }, i) => {
    const x = LABELS + i * 145;
    return `<rect x="${x}" y="10" width="10" height="10" fill="${COLOURS[i]}"/>${text(x + 15, 19, `${name} ${version}`)}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="11">`,
    `<title>Relative to ${report.baseline}; less is better; red: the goal</title>`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...legend,
    line(scale(1), TOP - 6, y - GAP + 4, '#adb5bd'),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function scale(ratio: number): number {
  return LABELS + (ratio / LONGEST) * (WIDTH - LABELS - FIGURES);
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end' = 'start'): string {
  const escaped = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${escaped}</text>`;
}

function line(x: number, from: number, to: number, colour: string): string {
  return `<line x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="${from}" y2="${to}" stroke="${colour}" stroke-width="1.5"/>`;
}
