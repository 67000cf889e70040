// Calls of npm `dubbo2.js`: node dubbo_client.cjs FOLDER_OF_PACKAGES PORT METHOD TEXT COUNT; prints "= text" or "! error", one line a call.
const { createRequire } = require('node:module')
const { join } = require('node:path')

const [folder, port, method, text, count] = process.argv.slice(2)
const { DirectlyDubbo, java } = createRequire(join(folder, 'package.json'))('dubbo2.js')

const dubbo = DirectlyDubbo.from({ dubboAddress: `127.0.0.1:${port}`, dubboVersion: '2.0.2', dubboInvokeTimeout: 20 })
const service = dubbo.proxyService({
  dubboInterface: 'DubboPeer$Echo',
  version: '0.0.0',
  timeout: 20_000,
  methods: { [method]: (value) => [java.String(value)] },
})
const calls = Array.from({ length: Number(count) }, (_, n) => service[method](count === '1' ? text : `${text}${n + 1}`))
Promise.all(calls).then((results) => {
  for (const { err, res } of results) console.log(err ? `! ${String(err.message).split('\n')[0]}` : `= ${res}`)
  process.exit(0)
})
