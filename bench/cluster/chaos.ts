import { setTimeout as sleep } from 'node:timers/promises'
import { GameServer } from '../../test/dataplane/game.ts'
import type { TestConsul } from '../../test/helpers/consul.ts'
import type { TestRedis } from '../../test/helpers/redis.ts'
import type { ServeChild } from '../../test/helpers/serve.ts'
import { startWeb } from './backend.ts'
import type { Balancer } from './balancer.ts'
import type { Events } from './events.ts'
import { GAME_PORT, web } from './mesh.ts'
import { Registry, type Shown } from './registry.ts'

export interface ChaosOptions {
  readonly consul: TestConsul
  readonly redis: TestRedis | undefined
  readonly balancer: Balancer
  readonly events: Events
  readonly startPlane: (index: number) => Promise<ServeChild>
  /** How long a backend goes on serving after it left Consul at least, ms; longer if it is told so. */
  readonly drainMs: number
  /** Endpoint changes per second beside the rolling replacement. */
  readonly flaps: number
  /** Rule edits per second. */
  readonly edits: number
}

type Service = 'web' | 'game'

interface Instance extends Shown {
  readonly stop: () => Promise<unknown>
  /** Changes of it that are under way: it leaves after them, or the last of them would bring it back. */
  readonly changes: Set<Promise<void>>
}

/** Calls of Consul under way at a time, for endpoint changes. */
const FLAPPING = 64

/** The parts of the cluster that are replaced, edited, changed and killed, and who does it. */
export class Chaos {
  readonly planes: ServeChild[] = []
  readonly #options: ChaosOptions
  readonly #instances: Record<Service, Instance[]> = { web: [], game: [] }
  readonly #registry: Registry
  #born = 0
  #over = false

  constructor(options: ChaosOptions) {
    this.#options = options
    this.#registry = new Registry(options.consul)
  }

  /** Starts the services and the control planes. */
  async start(instances: number, planes: number): Promise<void> {
    for (let count = 0; count < instances; count++) for (const name of ['web', 'game'] as const) await this.#add(name)
    const started = await Promise.all(Array.from({ length: planes }, (_, index) => this.#options.startPlane(index)))
    this.planes.push(...started)
    this.#retarget()
  }

  /** Does all of it at once, until so long has passed and everything that was begun is done. */
  async run(seconds: number): Promise<void> {
    const work = [this.#roll(), this.#flap(), this.#edit(), this.#kill()]
    await Promise.race([sleep(seconds * 1_000), Promise.all(work)])
    this.#over = true
    await Promise.all(work)
  }

  async stop(): Promise<void> {
    for (const { stop } of [...this.#instances.web, ...this.#instances.game]) await stop()
    this.#registry.close()
  }

  #retarget(): void {
    this.#options.balancer.targets = this.planes.filter(({ process }) => process.running).map(({ xdsPort }) => xdsPort)
  }

  async #add(name: Service): Promise<void> {
    const id = `${name}-${++this.#born}`
    const tags = name === 'game' ? [`meshgate.port=${GAME_PORT}/arena`] : []
    const server = name === 'web' ? await startWeb(id) : await startGame(id)
    const instance: Instance = { service: name, id, tags, ...server, changes: new Set() }
    await patiently(() => this.#registry.register(instance))
    this.#instances[name].push(instance)
  }

  /** Replaces every instance, one after the other: register, deregister, wait, stop. */
  async #roll(): Promise<void> {
    const { events, drainMs } = this.#options
    const leaving: Promise<unknown>[] = []
    for (let turn = 0; !this.#over; turn++) {
      const name = turn % 2 === 0 ? 'web' : 'game'
      await this.#add(name)
      await sleep(300)
      const [oldest] = this.#instances[name].splice(0, 1)
      events.note('replace')
      await Promise.all(oldest!.changes)
      await patiently(() => this.#registry.deregister(oldest!.id))
      const waitMs = await this.#advisedWait()
      events.took('told wait of a backend that leaves', waitMs)
      leaving.push(sleep(Math.max(drainMs, waitMs)).then(() => oldest!.stop()))
      await sleep(700)
    }
    await Promise.all(leaving)
  }

  /** What a control plane says a backend must wait, ms. */
  async #advisedWait(): Promise<number> {
    const plane = this.planes.find(({ process }) => process.running)
    const told = await plane?.api<{ drain: { waitMs: number } }>('/api/v1/sources').catch(() => undefined)
    return told?.drain.waitMs ?? this.#options.drainMs
  }

  /** Endpoints that change their weight, and one of each service that goes into maintenance and comes back. */
  async #flap(): Promise<void> {
    const { flaps, events } = this.#options
    const started = performance.now()
    const open = new Set<Promise<void>>()
    for (let count = 0; flaps > 0 && !this.#over; ) {
      const due = ((performance.now() - started) / 1_000) * flaps
      if (count >= due || open.size >= FLAPPING) {
        await (open.size >= FLAPPING ? Promise.race(open) : sleep(2))
        continue
      }
      const name = count % 2 === 0 ? 'web' : 'game'
      const round = count++ >> 1
      const list = this.#instances[name]
      const instance = list[round % list.length]!
      // The newest one only changes its weight, so that there is always one in service.
      const change =
        round % 4 < 2 || instance === list.at(-1)
          ? () => this.#registry.register(instance, 1 + (round % 5))
          : () => this.#registry.maintain(instance, round % 4 === 2)
      const call = change().then(
        () => events.note('flap', { quiet: true }),
        () => events.note('flap refused', { quiet: true }),
      )
      for (const set of [open, instance.changes]) {
        set.add(call)
        void call.then(() => set.delete(call))
      }
    }
    await Promise.all(open)
    for (const instance of [...this.#instances.web, ...this.#instances.game])
      await this.#registry.maintain(instance, false).catch(() => undefined)
  }

  /** Edits a rule through the API of the control planes in turn, of one that runs. */
  async #edit(): Promise<void> {
    const { edits, events } = this.#options
    for (let count = 0; edits > 0 && !this.#over; count++) {
      await sleep(1_000 / edits)
      const running = this.planes.filter(({ process }) => process.running)
      const plane = running[count % Math.max(1, running.length)]
      if (!plane) continue
      const changes = [{ file: 'web.yaml', text: web(`${30 + (count % 20)}s`) }]
      const post = async (path: string, body: object) => {
        const answer = await fetch(plane.apiUrl + path, {
          ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) },
          signal: AbortSignal.timeout(5_000),
        })
        return (await answer.json()) as { plan?: string; base?: number; id?: number }
      }
      try {
        const { plan, base } = await post('/api/v1/plan', { changes })
        const { id } = plan ? await post('/api/v1/apply', { base, changes, plan, reason: `edit ${count}` }) : {}
        // A conflict, or a store that is away: whoever edits is told.
        events.note(id === undefined ? 'edit refused' : 'edit', { quiet: true })
      } catch {
        // That control plane is being killed.
        events.note('edit refused', { quiet: true })
      }
    }
  }

  /** Control planes in turn, Consul and Redis, by SIGKILL. */
  async #kill(): Promise<void> {
    const { consul, redis, events } = this.#options
    const victims: readonly (() => Promise<unknown>)[] = [
      ...this.planes.map((_, index) => () => this.#killPlane(index)),
      async () => {
        events.note('restart Consul')
        await consul.restart()
      },
      ...(redis
        ? [
            async () => {
              events.note('restart Redis')
              await redis.kill()
              await sleep(500)
              await redis.restart()
            },
          ]
        : []),
    ]
    // One at least, also where everything else took all the time.
    for (let turn = 0; turn === 0 || !this.#over; turn++) {
      for (let left = 1_500 + Math.random() * 1_500; left > 0 && !this.#over; left -= 100) await sleep(100)
      if (turn === 0 || !this.#over) await victims[turn % victims.length]!()
    }
  }

  async #killPlane(index: number): Promise<void> {
    const { balancer, events, startPlane } = this.#options
    const { xdsPort } = this.planes[index]!
    const [connections, mine] = [balancer.connections(), balancer.connections(xdsPort)]
    events.note('kill control plane')
    const started = performance.now()
    await this.planes[index]!.kill()
    this.#retarget()
    const moved = (async () => {
      while (balancer.connections() < connections && performance.now() - started < 30_000) await sleep(5)
      if (mine > 0) events.took('streams on another control plane', performance.now() - started)
    })()
    this.planes[index] = await startPlane(index)
    events.note('control plane is back')
    events.took('control plane started again', performance.now() - started)
    this.#retarget()
    await moved
  }
}

async function startGame(id: string) {
  const server = await new GameServer(id).listen()
  server.keep = false
  return { port: server.port, stop: () => server.close() }
}

/** Consul may be restarting: whoever registers tries again, as an orchestrator does. */
async function patiently(work: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await work()
      return
    } catch (error) {
      if (attempt > 100) throw error
      await sleep(200)
    }
  }
}
