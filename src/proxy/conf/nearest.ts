/** The known name that a misspelt one most likely means; undefined if none is close. */
export function nearest(word: string, known: Iterable<string>): string | undefined {
  let best: string | undefined;
  // one slip in three letters at most
  let least = Math.floor(word.length / 3) + 1;
  for (const name of known) {
    if (Math.abs(name.length - word.length) >= least) continue;
    const distance = editDistance(word, name, least);
    if (distance < least) {
      least = distance;
      best = name;
    }
  }
  return best;
}

/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours. */
function editDistance(a: string, b: string, limit: number): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (above[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (above[column - 1] ?? 0) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      }
      current.push(cost);
    }
    if (Math.min(...current) >= limit) return limit;
    before = above;
    above = current;
  }
  return above[b.length] ?? limit;
}
