// A proxyless gRPC client on grpc-js: node client.mjs TARGET COUNT [HEADER=VALUE ...] prints what client.py prints.
import { Client, credentials, Metadata, status } from '@grpc/grpc-js'
import { register, XdsChannelCredentials } from '@grpc/grpc-js-xds'

register()
const [target, count, ...headers] = process.argv.slice(2)
const plain = credentials.createInsecure()
const client = new Client(target, process.env.XDS_CREDENTIALS ? new XdsChannelCredentials(plain) : plain)
const metadata = new Metadata()
for (const pair of headers) metadata.add(...pair.split(/=(.*)/s, 2))
const served = {}
const errors = {}
const bytes = (value) => value
for (let call = 0; call < Number(count); call++) {
  await new Promise((resolve) => {
    client.makeUnaryRequest(
      '/test.Echo/Say',
      bytes,
      bytes,
      Buffer.alloc(0),
      metadata,
      { deadline: Date.now() + 20_000 },
      (error, answer) => {
        const [group, key] = error ? [errors, `${status[error.code]}: ${error.details}`] : [served, answer.toString()]
        group[key] = (group[key] ?? 0) + 1
        resolve()
      },
    )
  })
}
if (process.env.STAY) await new Promise((resolve) => process.stdin.resume().once('end', resolve))
console.log(JSON.stringify({ served, errors }))
process.exit(0)
