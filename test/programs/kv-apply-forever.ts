import { KvLedger } from '../../controlplane/consul/index.ts'

/** Applies numbered revisions to a store until it is killed; says each number once it is acknowledged. Arguments: url, prefix, folder, name. */
const [url, prefix, mirror, name] = process.argv.slice(2) as [string, string, string, string]
const ledger = await KvLedger.open({
  ...{ address: { url }, prefix, mirror },
  log: { info: () => {}, warn: () => {} },
})
process.stdout.write('ready\n')
for (let count = 0; ; count++) {
  const text = `# ${name} ${count} ${'x'.repeat(count % 3 === 0 ? 20_000 : 20)}\n`
  const changes = ['a', 'b'].map((file) => ({ file: `${name}-${file}.yaml`, bytes: Buffer.from(text) }))
  const revision = await ledger.apply(changes, { who: name, why: String(count), source: 'api', expected: new Map() })
  process.stdout.write(`${revision.id} ${count}\n`)
}
