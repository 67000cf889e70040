// A game server of npm `pinus`: its TCP connector, with an echo where the framework would dispatch to handlers.
// node pinus_server.cjs FOLDER_OF_PACKAGES NAME PORT
const { createRequire } = require('node:module')
const { join } = require('node:path')

const [folder, name, port] = process.argv.slice(2)
const load = createRequire(join(folder, 'package.json'))
const { pinus } = load('pinus')
const { HybridConnector } = load('pinus/dist/lib/connectors/hybridconnector')

const connector = new HybridConnector(Number(port), '127.0.0.1', { heartbeat: 3, distinctHost: true })
// All that the connector wants of an application.
pinus._app = { components: { __connector__: { connector } } }
connector.on('connection', (socket) => {
  socket.on('message', (packet) => {
    const { id, route, body } = connector.decode(packet)
    const answer = () => socket.send(connector.encode(id, route, { text: `${name}:${body.text}` }))
    if (id > 0) setTimeout(answer, route.endsWith('slow') ? 5000 : 0)
    // A notification is echoed as a push.
    else socket.send(connector.encode(0, 'onEcho', { text: `${name}:${body.text}` }))
  })
})
connector.start(() => console.log('ready'))
