import t, { type Test } from 'tap';
import {
  parseMilliseconds,
  parseNumber,
  parseOffset,
  parseSeconds,
  parseSize,
} from '../../src/proxy/conf/units.ts';

type Case = [string, number | undefined];

function check(test: Test, parse: (text: string) => number | undefined, cases: readonly Case[]): void {
  for (const [text, value] of cases) test.equal(parse(text), value, JSON.stringify(text));
}

t.test('numbers', async (t) => {
  check(t, parseNumber, [
    ['0', 0],
    ['42', 42],
    ['', undefined],
    ['-1', undefined],
    ['1k', undefined],
    ['1 ', undefined],
  ]);
  check(t, parseNumber, [
    ['9223372036854775807', Number.MAX_SAFE_INTEGER],
    ['9223372036854775808', undefined],
  ]);
});

t.test('sizes know k and m, offsets g as well', async (t) => {
  check(t, parseSize, [
    ['10', 10],
    ['1k', 1024],
    ['2M', 2097152],
    ['1g', undefined],
    ['k', undefined],
    ['', undefined],
  ]);
  check(t, parseOffset, [
    ['1g', 2 ** 30],
    ['3G', 3 * 2 ** 30],
    ['1t', undefined],
    ['1.5m', undefined],
  ]);
});

t.test('times', async (t) => {
  check(t, parseMilliseconds, [
    ['1', 1000],
    ['1s', 1000],
    ['5ms', 5],
    ['1s5ms', 1005],
    ['1m 30s', 90_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
    ['1w', 604_800_000],
    ['1M', undefined],
    ['1y', undefined],
    ['1m30', 90_000],
    ['30s1m', undefined],
    ['1s1s', undefined],
    ['s', undefined],
    ['', undefined],
    ['1ms1s', undefined],
    ['1x', undefined],
    ['1 1m', undefined],
    ['1s ', 1000],
  ]);
  check(t, parseSeconds, [
    ['1', 1],
    ['1M', 2_592_000],
    ['1y 1d', 31_622_400],
    ['5ms', undefined],
    ['1d1y', undefined],
  ]);
});
