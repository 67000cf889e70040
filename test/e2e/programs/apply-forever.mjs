import { Ledger } from '../../../dist/controlplane/ledger/index.js'

/** Applies 1, 2, 3, … to several files for ever and prints each number once it is acknowledged: `node apply-forever.mjs DIR`. */
const ledger = await Ledger.open(process.argv[2])
process.stdout.write('open\n')
const last = Number(ledger.read('a.yaml')?.toString().trim() ?? 0)
for (let value = last + 1; ; value++) {
  const files = ['a.yaml', 'deep/b.yaml', 'c.json']
  const changes = files.map((file) => ({ file, bytes: Buffer.from(`${value}\n`) }))
  // A file that comes and goes: even numbers only.
  const odd = { file: 'sometimes.yaml', bytes: value % 2 === 0 ? Buffer.from(`${value}\n`) : undefined }
  await ledger.apply([...changes, odd], { who: 'test', why: `${value}`, source: 'api', expected: new Map() })
  process.stdout.write(`${value}\n`)
}
