import type { FastifyInstance } from 'fastify'
import type { ProtocolSpec } from '../../config/kinds/protocol.ts'
import type { ConfigObject } from '../../config/object.ts'
import { documentInfo } from '../../config/protocols.ts'
import type { AdminContext } from '../context.ts'
import { MOST_BYTES, showFrames } from '../decode-frames.ts'
import { badRequest } from '../http/errors.ts'
import { answers, named, ref } from '../schemas/parts.ts'

/** Digits with blanks, or a dump with offsets and letters beside them. */
const MOST_HEX = MOST_BYTES * 8

const decodeFrames = {
  operationId: 'decodeFrames',
  tags: ['config'],
  summary: 'What a Protocol document makes of bytes: frames, and their fields with offsets; nothing is changed',
  body: {
    type: 'object',
    required: ['document', 'hex'],
    properties: {
      document: {
        type: 'object',
        description: 'The document as JSON, applied or not.',
        additionalProperties: true,
        required: ['kind'],
        properties: { kind: { type: 'string', const: 'Protocol', description: 'It must be Protocol.' } },
      },
      hex: {
        type: 'string',
        maxLength: MOST_HEX,
        description: `The bytes as digits, or as a dump that xxd or hexdump makes; ${MOST_BYTES} bytes at most.`,
      },
      from: {
        type: 'string',
        enum: ['client', 'upstream'],
        default: 'client',
        description: 'Whose bytes they are, for protocols whose frames do not say it.',
      },
    },
  },
  response: answers(ref('DecodedFrames'), 'As many frames as there are, 100 at most.'),
}

interface Asked {
  Body: { document: Record<string, unknown>; hex: string; from: 'client' | 'upstream' }
}

/** Private protocols of the mesh, and what their documents make of bytes. */
export function protocolRoutes(app: FastifyInstance, { config }: Pick<AdminContext, 'config'>): void {
  app.get(
    '/api/v1/protocols',
    {
      schema: {
        operationId: 'listProtocols',
        tags: ['config'],
        summary: 'Private protocols that documents declare, with the fields that routes may name',
        response: answers(named('protocols', 'MessageProtocol', 'By name.'), 'Those in force.'),
      },
    },
    async () => {
      const documents = [...config.objects.values()].filter(({ kind }) => kind === 'Protocol')
      const protocols = documents.map((object) => {
        const info = documentInfo(object as ConfigObject<ProtocolSpec>)
        const maps = info?.maps ?? []
        const fields = [...(info?.fields.keys() ?? [])].filter((name) => !maps.includes(name))
        return { name: object.name, document: object.key, fields, maps }
      })
      return { protocols: protocols.sort((a, b) => (a.name < b.name ? -1 : 1)) }
    },
  )

  app.post<Asked>(
    '/api/v1/protocols/decode',
    { config: { access: 'viewer', reads: true }, bodyLimit: 2 * 1024 * 1024, schema: decodeFrames },
    async ({ body: { document, hex, from } }) => {
      try {
        return showFrames(document, hex, from, fileOf(document))
      } catch (error) {
        if (error instanceof SyntaxError || error instanceof RangeError) throw badRequest(`hex: ${error.message}`)
        throw error
      }
    },
  )

  /** Where the object in force with this name lies: what is sent stands for it. */
  function fileOf({ metadata }: Readonly<Record<string, unknown>>): string | undefined {
    const { name, namespace } = (metadata ?? {}) as Readonly<Record<string, unknown>>
    for (const object of config.objects.values())
      if (object.kind === 'Protocol' && object.name === name && (namespace ?? object.namespace) === object.namespace)
        return object.source.file
    return undefined
  }
}
