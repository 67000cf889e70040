import { median } from '../measure.ts'
import type { Measured } from './measured.ts'

/** What one round measured, one server right after the other. */
export interface Round {
  readonly ours: Measured
  readonly peer: Measured | undefined
  readonly floor: Measured | undefined
}

const RATIOS: Readonly<Record<string, (one: Measured) => number | undefined>> = {
  syncWall: (one) => one.syncWallS,
  syncCpu: (one) => one.syncCpuS,
  warmWall: (one) => one.warm?.wallS,
  warmCpu: (one) => one.warm?.cpuS,
  endpointCpu: (one) => one.endpoint?.cpuUsPerStream,
  endpointLast: (one) => one.endpoint?.lastMs,
  routeCpu: (one) => one.route?.cpuUsPerStream,
  routeLast: (one) => one.route?.lastMs,
  rssPerStream: (one) => one.rssKbPerStream,
  stormTaken: (one) => one.storm?.takenPerSecond,
}

/** Medians of all rounds; ratios to the peer are taken in each round. */
export function summed(rounds: readonly Round[]): Round & { readonly ratios: Readonly<Record<string, number>> } {
  const { ours, peer, floor } = rounds[0]!
  const ratios: Record<string, number> = {}
  for (const [name, value] of Object.entries(RATIOS)) {
    const each = rounds.flatMap((round) => {
      const own = value(round.ours)
      const theirs = round.peer && value(round.peer)
      return own !== undefined && theirs ? [own / theirs] : []
    })
    if (each.length > 0) ratios[name] = Math.round(median(each) * 1000) / 1000
  }
  return {
    ours: medians(
      ours,
      rounds.map((round) => round.ours),
    ),
    peer:
      peer &&
      medians(
        peer,
        rounds.flatMap((round) => round.peer ?? []),
      ),
    floor:
      floor &&
      medians(
        floor,
        rounds.flatMap((round) => round.floor ?? []),
      ),
    ratios,
  }
}

/** Things of one form, number by number. */
function medians<T extends object>(form: T, all: readonly T[]): T {
  return Object.fromEntries(
    Object.entries(form).map(([key, value]) => {
      const each = all.map((one) => (one as Record<string, unknown>)[key])
      return [key, typeof value === 'number' ? median(each as number[]) : medians(value, each as object[])]
    }),
  ) as T
}
