import t from 'tap';
import { svg } from '../../bench/plot.ts';
import { markdown, type Report, reachesGoals } from '../../bench/report.ts';
import type { Row } from '../../bench/rows.ts';
import { median, pairedRatio } from '../../bench/statistics.ts';

type Goal = Row['goals'][number];

function row(name: string, goals: readonly Goal[]): Row {
  return { name, unit: 'µs', goals, applies: () => true, measure: async () => 0 };
}

function report(goal: Goal, nginx: number[], sluice: number[]): Report {
  return {
    peers: [
      { name: 'nginx', version: '1' },
      { name: 'Sluice', version: '2' },
      { name: 'HAProxy', version: '3' },
    ],
    baseline: 'nginx',
    findings: [
      {
        row: row('proxy', [goal]),
        values: new Map([
          ['nginx', nginx],
          ['Sluice', sluice],
        ]),
      },
    ],
    circumstances: ['on a machine'],
  };
}

t.test('the median of an even number of values is between the middle two', async (t) => {
  t.equal(median([9, 1, 5]), 5);
  t.equal(median([10, 2, 1, 4]), 3);
});

t.test('a disturbance of one repeat hits both sides of a pair and leaves the ratio alone', async (t) => {
  t.equal(pairedRatio([5, 50, 5], [10, 100, 10]), 0.5);
});

t.test('a cell has the median and the ratio, the baseline none, a peer without figures a dash', async (t) => {
  const text = markdown(report({ of: 'ratio', most: 0.85 }, [20, 20, 20], [15, 16, 200]));
  t.match(text, '| proxy | µs | 20.0 | 16.0 [0.80] | – | [0.85] | reached |');
  t.match(text, '- on a machine');
});

t.test('a goal is a ratio to the baseline or another peer, or a value in the unit of the row', async (t) => {
  const reached = (goal: Goal) => reachesGoals(report(goal, [10], [5]).findings[0]!, 'nginx');
  t.equal(reached({ of: 'value', most: 4 }), false);
  t.equal(reached({ of: 'ratio', most: 0.5 }), true);
  t.equal(reached({ of: 'ratio', most: 0.4, to: 'nginx' }), false);
  t.equal(reached({ of: 'ratio', most: 0.4, to: 'HAProxy' }), undefined, 'it was not measured');
});

t.test('the plot has a bar for each peer with figures, and a mark at the goal', async (t) => {
  const picture = svg(report({ of: 'ratio', most: 0.85 }, [10], [30]));
  t.equal(picture.match(/fill="#0b7285"/g)?.length, 2, 'legend and bar');
  t.match(picture, '>3.00<');
  t.match(picture, '#c92a2a');
});
