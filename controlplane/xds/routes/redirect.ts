import type { MessageInitShape } from '@bufbuild/protobuf'
import {
  RedirectAction_RedirectResponseCode as Code,
  type RedirectActionSchema,
} from '../../../proto/gen/envoy/config/route/v3/route_components_pb.ts'
import type { HttpRedirect } from '../../config/kinds/http/redirect.ts'
import type { RouteContext } from './context.ts'

const CODES: Readonly<Record<number, Code>> = {
  301: Code.MOVED_PERMANENTLY,
  302: Code.FOUND,
  303: Code.SEE_OTHER,
  307: Code.TEMPORARY_REDIRECT,
  308: Code.PERMANENT_REDIRECT,
}

/**
 * A redirect. The port of the scheme itself is not written out. Codes that are none fall back to 301; configuration
 * refuses them.
 */
export function redirectAction(
  redirect: HttpRedirect,
  context: RouteContext,
): MessageInitShape<typeof RedirectActionSchema> {
  return {
    hostRedirect: redirect.authority ?? '',
    pathRewriteSpecifier: redirect.prefixRewrite
      ? { case: 'prefixRewrite', value: redirect.prefixRewrite }
      : redirect.uri
        ? { case: 'pathRedirect', value: redirect.uri }
        : { case: undefined },
    schemeRewriteSpecifier: redirect.scheme ? { case: 'schemeRedirect', value: redirect.scheme } : { case: undefined },
    portRedirect: port(redirect, context),
    responseCode: CODES[redirect.redirectCode ?? 301] ?? Code.MOVED_PERMANENTLY,
  }
}

/** Envoy cannot derive a port from the request, but a route is compiled for one port. 0 leaves it to the scheme. */
function port(redirect: HttpRedirect, context: RouteContext): number {
  const wanted = redirect.port ?? (redirect.derivePort === 'FROM_REQUEST_PORT' ? context.port : 0)
  const scheme = redirect.scheme || (context.tls ? 'https' : 'http')
  return (scheme === 'http' && wanted === 80) || (scheme === 'https' && wanted === 443) ? 0 : wanted
}
