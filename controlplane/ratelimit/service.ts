import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import { timestampFromMs } from '@bufbuild/protobuf/wkt'
import type { ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js'
import { errorText } from '../../errors/thrown.ts'
import type {
  RateLimitDescriptor,
  RateLimitDescriptor_RateLimitOverride as RateLimitOverride,
} from '../../proto/gen/envoy/extensions/common/ratelimit/v3/ratelimit_pb.ts'
import {
  RateLimitResponse_Code as Code,
  RateLimitRequestSchema,
  RateLimitResponseSchema,
  RateLimitResponse_RateLimit_Unit as Unit,
} from '../../proto/gen/envoy/service/ratelimit/v3/rls_pb.ts'
import { RateLimitUnit } from '../../proto/gen/envoy/type/v3/ratelimit_unit_pb.ts'
import { duration } from '../../proto/make.ts'
import { bytesMethod, type ExtraService, type Logger, STATUS } from '../ads/index.ts'
import { type Decision, type LimitedDescriptor, type Limiter, MOST_DESCRIPTORS } from './limiter.ts'
import type { Rule } from './rules.ts'

/** Decisions worked on at a time; more are refused, which callers treat as a failed service. */
const MOST_OPEN = 10_000

/**
 * The global rate limit service.
 * https://www.envoyproxy.io/docs/envoy/latest/api-v3/service/ratelimit/v3/rls.proto
 */
export function rateLimitService(limiter: Limiter, logger: Logger): ExtraService {
  let open = 0
  return {
    definition: {
      shouldRateLimit: bytesMethod('envoy.service.ratelimit.v3.RateLimitService', 'ShouldRateLimit', {
        requestStream: false,
        responseStream: false,
      }),
    },
    implementation: () => ({
      shouldRateLimit(call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) {
        let request: ReturnType<typeof readRequest>
        try {
          request = readRequest(call.request)
        } catch (error) {
          answer({ code: STATUS.invalidArgument, details: errorText(error) })
          return
        }
        if (open >= MOST_OPEN) {
          answer({ code: STATUS.resourceExhausted, details: 'too many decisions wait' })
          return
        }
        open++
        limiter.decide(request.domain, request.descriptors, request.hits).then(
          (decision) => {
            open--
            answer(null, writeResponse(decision))
          },
          (error: unknown) => {
            open--
            logger.error({ error }, 'a rate limit could not be decided')
            answer({ code: STATUS.internal, details: 'internal error; the log of the service has it' })
          },
        )
      },
    }),
  }
}

function readRequest(bytes: Buffer) {
  const { domain, descriptors, hitsAddend } = fromBinary(RateLimitRequestSchema, bytes)
  if (domain === '') throw new Error('a request needs a domain')
  if (descriptors.length === 0) throw new Error('a request needs at least one descriptor')
  if (descriptors.length > MOST_DESCRIPTORS) throw new Error(`more than ${MOST_DESCRIPTORS} descriptors`)
  return { domain, hits: hitsAddend || 1, descriptors: descriptors.map(limitedDescriptor) }
}

const MOST_HITS = 1_000_000

function limitedDescriptor({ entries, limit, hitsAddend }: RateLimitDescriptor): LimitedDescriptor {
  return {
    entries,
    ...(hitsAddend === undefined ? {} : { hits: Math.min(MOST_HITS, Number(hitsAddend)) }),
    ...(limit ? { limit: override(limit) } : {}),
  }
}

const UNIT_SECONDS: Readonly<Record<number, number>> = {
  [RateLimitUnit.SECOND]: 1,
  [RateLimitUnit.MINUTE]: 60,
  [RateLimitUnit.HOUR]: 3600,
  [RateLimitUnit.DAY]: 86_400,
  [RateLimitUnit.MONTH]: 30 * 86_400,
  [RateLimitUnit.YEAR]: 365 * 86_400,
}

/** A limit of the asker's own: all of a unit may come at once. */
function override({ requestsPerUnit, unit }: RateLimitOverride): { intervalUs: number; burst: number } {
  const seconds = UNIT_SECONDS[unit] ?? 1
  return { intervalUs: (seconds * 1e6) / Math.max(1, requestsPerUnit), burst: requestsPerUnit }
}

function writeResponse({ over, descriptors }: Decision): Buffer {
  const response = create(RateLimitResponseSchema, {
    overallCode: over ? Code.OVER_LIMIT : Code.OK,
    statuses: descriptors.map(({ over: isOver, rule, remaining, resetMs, overForMs }) => ({
      code: isOver ? Code.OVER_LIMIT : Code.OK,
      ...(rule
        ? {
            currentLimit: shownLimit(rule),
            limitRemaining: remaining,
            durationUntilReset: duration(Math.ceil(resetMs)),
            ...(overForMs === undefined ? {} : { quota: refusals(overForMs) }),
          }
        : {}),
    })),
  })
  return Buffer.from(toBinary(RateLimitResponseSchema, response))
}

/** An empty counter refuses until a token comes: whoever asks may do that by himself meanwhile, as the message proxy does. */
function refusals(ms: number) {
  const validUntil = timestampFromMs(Date.now() + Math.floor(ms))
  return { requests: 0xffff_ffff, expirationSpecifier: { case: 'validUntil' as const, value: validUntil } }
}

/** The rate in the smallest unit that makes it a whole number; clients show it in `x-ratelimit-limit`. */
function shownLimit({ id, intervalUs }: Rule) {
  const perSecond = 1e6 / intervalUs
  for (const [unit, seconds] of [
    [Unit.SECOND, 1],
    [Unit.MINUTE, 60],
    [Unit.HOUR, 3600],
  ] as const) {
    const requests = perSecond * seconds
    if (requests >= 1 && Math.abs(requests - Math.round(requests)) < 1e-6)
      return { name: id, requestsPerUnit: Math.round(requests), unit }
  }
  return { name: id, requestsPerUnit: Math.max(1, Math.round(perSecond * 86_400)), unit: Unit.DAY }
}
