/** Times of ours and its peer, taken in turns so that a busy moment of the machine meets both. */
export function compare(what: string, candidates: Record<string, () => void>, rounds = 7): void {
  const times: Record<string, number[]> = {};
  for (let round = -1; round < rounds; round++) {
    for (const [name, run] of Object.entries(candidates)) {
      const start = performance.now();
      run();
      if (round >= 0) (times[name] ??= []).push(performance.now() - start); // the first round warms up
    }
  }
  const median = (list: number[]) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
  const [ours, ...peers] = Object.entries(times).map(([name, list]) => ({ name, ms: median(list) }));
  for (const peer of peers) {
    const ratio = (peer.ms / ours!.ms).toFixed(1);
    console.log(
      `${what}: ${ours!.name} ${ours!.ms.toFixed(1)} ms, ${peer.name} ${peer.ms.toFixed(1)} ms, ${ratio} times as fast`,
    );
  }
}
