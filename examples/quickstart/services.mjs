// Tiny services to try a mesh with: `node services.mjs NAME:VERSION:PORT…`. They answer one line of text.
// `shop` asks reviews and ratings through the sidecar at $MESH_PROXY and answers with what they said.
import { createServer, request } from 'node:http'

const proxy = new URL(process.env.MESH_PROXY ?? 'http://127.0.0.1:15080')

/** One GET through the sidecar: the sidecar chooses the upstream by the Host header. */
function ask(service, headers) {
  return new Promise((resolve) => {
    const call = request(
      { host: proxy.hostname, port: proxy.port, headers: { ...headers, host: service } },
      (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk) => (text += chunk))
        answer.on('end', () => resolve(answer.statusCode === 200 ? text.trim() : `${service}: ${answer.statusCode}`))
      },
    )
    call.on('error', (error) => resolve(`${service}: ${error.message}`))
    call.end()
  })
}

async function answer(name, version, port, headers) {
  if (name !== 'shop') return `${name} ${version} (${port})`
  const passedOn = Object.fromEntries(
    Object.entries(headers).filter(([key]) => key.startsWith('x-') && !key.startsWith('x-envoy')),
  )
  const parts = await Promise.all(['reviews', 'ratings', 'cart'].map((service) => ask(service, passedOn)))
  return `shop → ${parts.join(' | ')}`
}

for (const text of process.argv.slice(2)) {
  const [name, version, port] = text.split(':')
  createServer(async (incoming, outgoing) => {
    const line = await answer(name, version, port, incoming.headers)
    outgoing.setHeader('content-type', 'text/plain; charset=utf-8').end(`${line}\n`)
  }).listen(Number(port), '127.0.0.1')
}

process.on('SIGTERM', () => process.exit(0))
