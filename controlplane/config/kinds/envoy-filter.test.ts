import { describe, expect, it } from 'vitest'
import { checkSpec } from '../../../test/helpers/config-documents.ts'

describe('EnvoyFilter', () => {
  const patch = (fields: string) =>
    checkSpec('networking.istio.io/v1alpha3', 'EnvoyFilter', `{configPatches: [{${fields}}]}`)
  const AT = 'spec.configPatches[0]'
  it.each([
    ['', `FIELD_REQUIRED ${AT}.applyTo`],
    ['applyTo: CLUSTER', `FIELD_REQUIRED ${AT}.patch`],
    ['applyTo: CLUSTER, patch: {operation: MERGE}', `FIELD_REQUIRED ${AT}.patch.value`],
    ['applyTo: CLUSTER, match: {listener: {}}, patch: {operation: REMOVE}', `FIELD_VALUE ${AT}.match.listener`],
    [
      'applyTo: CLUSTER, match: {proxy: {proxyVersion: "*"}}, patch: {operation: REMOVE}',
      `FIELD_VALUE ${AT}.match.proxy.proxyVersion`,
    ],
    [
      'applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: soon}}',
      `ENVOY_VALUE ${AT}.patch.value.connect_timeout`,
    ],
    [
      'applyTo: HTTP_ROUTE, patch: {operation: MERGE, value: {route: {cluster: a, cluster_header: b}}}',
      `FIELD_QUESTIONABLE ${AT}.patch.value.route.cluster_header`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {a: b}}}',
      `ENVOY_TYPE_UNKNOWN ${AT}.patch.value.typed_config`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.golang.v3alpha.Config}}}',
      `FIELD_QUESTIONABLE ${AT}.patch.value.typed_config["@type"]`,
    ],
    [
      'applyTo: NETWORK_FILTER, match: {listener: {filterChain: {filter: {name: x, subFilter: {name: y}}}}}, patch: {operation: REMOVE}',
      `FIELD_VALUE ${AT}.match.listener.filterChain.filter.subFilter`,
    ],
    [
      'applyTo: CLUSTER, patch: {operation: MERGE, value: {conect_timeout: 1s}}',
      `FIELD_QUESTIONABLE ${AT}.patch.value.conect_timeout`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {"@type": type.googleapis.com/envoy.extensions.no.v3.No}}}',
      `ENVOY_TYPE_UNKNOWN ${AT}.patch.value.typed_config["@type"]`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {"@type": type.googleapis.com/acme.Filter}}}',
      `FIELD_QUESTIONABLE ${AT}.patch.value.typed_config["@type"]`,
    ],
    [
      'applyTo: HTTP_FILTER, patch: {operation: ADD, value: {name: x, typed_config: {"@type": Router}}}',
      `ENVOY_TYPE_UNKNOWN ${AT}.patch.value.typed_config["@type"]`,
    ],
  ])('%s', (fields, problem) => expect(patch(fields)).toEqual([problem]))

  it('takes durations as Go writes them, and matches of filters where no filter chain is', () => {
    const said = patch(
      'applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 500ms, cleanup_interval: 1h2m}}',
    )
    expect(said).toEqual(patch('applyTo: CLUSTER, patch: {operation: MERGE, value: {connect_timeout: 0.5s}}'))
    const match = 'match: {listener: {filterChain: {filter: {name: x, subFilter: {name: y}}}}}'
    expect(patch(`applyTo: LISTENER_FILTER, ${match}, patch: {operation: MERGE, value: {name: x}}`)).toEqual(said)
  })
})
