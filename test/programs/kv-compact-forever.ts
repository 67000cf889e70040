import { KvLedger } from '../../controlplane/consul/index.ts'

/**
 * Compacts a store again and again until it is killed; says how often something went. Arguments: url, prefix, folder, revisions to
 * keep, grace in ms.
 */
const [url, prefix, mirror, keep, graceMs] = process.argv.slice(2) as [string, string, string, string, string]
let went = 0
const ledger = await KvLedger.open({
  ...{ address: { url }, prefix, mirror, graceMs: Number(graceMs) },
  log: { info: () => went++, warn: () => {} },
})
for (;;) {
  // Another one that does the same, or one that was killed, may have moved things meanwhile.
  await ledger.compact(Number(keep)).catch(() => {})
  process.stdout.write(`${went}\n`)
}
