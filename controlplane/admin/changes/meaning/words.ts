import { isObject } from '../../../config/plain-object.ts'
import type { Path } from '../../../diagnostics/diagnostic.ts'

/** The same in English and in Chinese. */
export interface Words {
  readonly en: string
  readonly zh: string
}

export type Language = keyof Words

const MOST_CHARACTERS = 120

/** What fields are called, by their own name or by that of the field they stand in and their own. Not those that people name: labels, headers. */
const FIELDS: Readonly<Record<string, readonly [en: string, zh: string]>> = {
  attempts: ['attempts', '次数'],
  attributes: ['attributes', '属性'],
  authority: ['authority', '主机头'],
  backendUtilization: ['weights by reported load', '按上报负载加权'],
  baseEjectionTime: ['shortest ejection', '最短摘除时间'],
  budgetInterval: ['counted over', '统计时间'],
  caCertificates: ['CA certificates', 'CA 证书'],
  caCrl: ['revocation list', '吊销列表'],
  clientCertificate: ['client certificate', '客户端证书'],
  connectTimeout: ['connect timeout', '连接超时'],
  connectionPool: ['connection limits', '连接池上限'],
  consecutive5xxErrors: ['5xx answers in a row', '连续 5xx 次数'],
  consecutiveErrors: ['errors in a row (without effect)', '连续错误次数（无作用）'],
  consecutiveGatewayErrors: ['gateway errors in a row', '连续网关错误次数'],
  consecutiveLocalOriginFailures: ['local failures in a row', '连续本地失败次数'],
  consistentHash: ['consistent hash', '一致性哈希'],
  credentialName: ['credential', '凭据'],
  destination: ['to', '目标'],
  distribute: ['shares by locality', '按地域分配'],
  enabled: ['enabled', '启用'],
  errorUtilizationPenaltyPercent: ['penalty for errors, percent', '错误惩罚百分比'],
  exact: ['is', '等于'],
  exponentialDelay: ['mean delay', '平均延迟'],
  failover: ['failover', '故障转移'],
  failoverPriority: ['failover priority', '故障转移优先级'],
  from: ['from', '来自'],
  fixedDelay: ['delay', '延迟'],
  grpcStatus: ['gRPC status', 'gRPC 状态'],
  h2UpgradePolicy: ['HTTP/2 upgrade', '升级到 HTTP/2'],
  headers: ['headers', '请求头'],
  host: ['host', '主机'],
  hosts: ['hosts', '主机'],
  http: ['HTTP', 'HTTP'],
  http1MaxPendingRequests: ['most waiting requests', '最大等待请求数'],
  http2KeepAlive: ['HTTP/2 PING', 'HTTP/2 PING'],
  'http2KeepAlive.interval': ['PING interval', 'PING 间隔'],
  'http2KeepAlive.timeout': ['PING timeout', 'PING 超时'],
  http2MaxRequests: ['most requests in flight', '最大并发请求数'],
  httpCookie: ['cookie', 'Cookie'],
  httpHeaderName: ['header', '请求头'],
  httpQueryParameterName: ['query parameter', '查询参数'],
  httpStatus: ['status', '状态码'],
  'http.idleTimeout': ['idle timeout of HTTP connections', 'HTTP 连接空闲超时'],
  idleTimeout: ['idle timeout', '空闲超时'],
  ignoreUriCase: ['any case of the path', '路径忽略大小写'],
  insecureSkipVerify: ['server not verified', '不校验服务端'],
  interval: ['interval', '间隔'],
  labels: ['labels', '标签'],
  loadBalancer: ['load balancing', '负载均衡'],
  localityLbSetting: ['locality', '地域'],
  maglev: ['Maglev', 'Maglev'],
  match: ['match', '匹配条件'],
  maxConcurrentStreams: ['most streams of a connection', '每连接最大流数'],
  maxConnectionDuration: ['longest life of a connection', '连接最长存活'],
  maxConnections: ['most connections', '最大连接数'],
  maxEjectionPercent: ['most ejected, percent', '最大摘除百分比'],
  maxRequestsPerConnection: ['requests per connection', '每连接请求数'],
  maxRetries: ['most retries in flight', '最大并发重试数'],
  method: ['method', '方法'],
  metricNamesForComputingUtilization: ['metrics', '指标'],
  minHealthPercent: ['least healthy, percent', '最小健康百分比'],
  minRetryConcurrency: ['retries always allowed', '始终允许的重试数'],
  minimumPercent: ['first share, percent', '起始百分比'],
  minimumRingSize: ['ring size', '环大小'],
  mirror: ['mirror', '镜像'],
  mirrors: ['mirrors', '镜像'],
  mode: ['mode', '模式'],
  name: ['name', '名称'],
  number: ['number', '编号'],
  outlierDetection: ['outlier detection', '异常点摘除'],
  outlierDetectionHttpErrorCodes: ['codes that count as errors', '计为错误的状态码'],
  path: ['path', '路径'],
  perTryTimeout: ['timeout of a try', '单次超时'],
  percent: ['percent', '百分比'],
  percentage: ['share', '比例'],
  port: ['port', '端口'],
  ports: ['ports', '端口'],
  prefix: ['begins with', '前缀为'],
  privateKey: ['private key', '私钥'],
  probes: ['probes', '探测次数'],
  portLevelSettings: ['settings of ports', '端口设置'],
  protocol: ['protocol', '协议'],
  proxyProtocol: ['PROXY protocol', 'PROXY 协议'],
  queryParams: ['query parameters', '查询参数'],
  regex: ['matches', '匹配'],
  retries: ['retries', '重试'],
  retryBudget: ['retry budget', '重试预算'],
  retryIgnorePreviousHosts: ['another endpoint for each try', '每次重试换实例'],
  retryOn: ['retried on', '重试条件'],
  retryRemoteLocalities: ['also other localities', '可重试其他地域'],
  ringHash: ['hash ring', '哈希环'],
  scheme: ['scheme', '协议头'],
  simple: ['algorithm', '算法'],
  sni: ['SNI', 'SNI'],
  sourceLabels: ['labels of the caller', '调用方标签'],
  sourceNamespace: ['namespace of the caller', '调用方命名空间'],
  splitExternalLocalOriginErrors: ['local failures apart', '本地失败单独计数'],
  subjectAltNames: ['names in the certificate', '证书中的名称'],
  subset: ['subset', '子集'],
  tableSize: ['table size', '表大小'],
  targetHost: ['host', '主机'],
  targetPort: ['port', '端口'],
  tcp: ['TCP', 'TCP'],
  'tcp.idleTimeout': ['idle timeout of TCP connections', 'TCP 连接空闲超时'],
  tcpKeepalive: ['keep-alive', 'TCP 保活'],
  'tcpKeepalive.interval': ['keep-alive interval', '保活间隔'],
  'tcpKeepalive.probes': ['keep-alive probes', '保活探测次数'],
  'tcpKeepalive.time': ['idle before keep-alive', '保活前空闲时间'],
  timeout: ['timeout', '超时'],
  tls: ['TLS', 'TLS'],
  ttl: ['life', '有效期'],
  to: ['to', '到'],
  trafficPolicy: ['traffic policy', '流量策略'],
  tunnel: ['tunnel', '隧道'],
  uri: ['path', '路径'],
  useClientProtocol: ["the caller's protocol", '沿用调用方协议'],
  useSourceIp: ["the caller's address", '调用方地址'],
  value: ['value', '值'],
  version: ['version', '版本'],
  warmup: ['slow start', '慢启动'],
  'warmup.aggression': ['aggression of the slow start', '慢启动曲线'],
  'warmup.duration': ['time of the slow start', '慢启动时间'],
  warmupDurationSecs: ['time of the slow start', '慢启动时间'],
  weight: ['weight', '权重'],
  weightExpirationPeriod: ['a report counts', '上报有效期'],
  weightStabilizationPeriod: ['first reports not trusted', '上报稳定期'],
  weightUpdatePeriod: ['weights computed every', '权重更新间隔'],
  withoutHeaders: ['without headers', '不含请求头'],
  zoneAwareLbSetting: ['zone-aware balancing', '区域感知均衡'],
  minClusterSize: ['smallest cluster', '最小集群规模'],
  workloadSelector: ['callers', '调用方'],
  matchLabels: ['labels', '标签'],
  exportTo: ['exported to', '导出到'],
  gateways: ['gateways', '网关'],
}

/** What holds things by names that people gave. */
const NAMED = new Set(['labels', 'matchLabels', 'sourceLabels', 'headers', 'withoutHeaders', 'queryParams', 'metadata'])

/** What a field is called, where it stands. */
export function fieldWords(name: string, within: string | undefined): Words {
  const known =
    within !== undefined && NAMED.has(within) ? undefined : (own(FIELDS, `${within}.${name}`) ?? own(FIELDS, name))
  return known ? { en: known[0], zh: known[1] } : { en: name, zh: name }
}

/** What a place within something is called: of the names on the way only those that say which one it is. */
export function placeWords(path: Path): Words {
  const en: string[] = []
  const zh: string[] = []
  let within: string | undefined
  for (const [position, step] of path.entries()) {
    const last = position === path.length - 1
    if (typeof step === 'number') {
      en.push(String(step + 1))
      zh.push(`第 ${step + 1} 项`)
      continue
    }
    const named = within !== undefined && NAMED.has(within)
    if (last || named || NAMED.has(step) || typeof path[position + 1] === 'number') {
      const words = fieldWords(step, within)
      en.push(words.en)
      zh.push(words.zh)
    }
    within = step
  }
  return { en: en.join(' '), zh: zh.join(' ') }
}

/** A value as people say it, short: never as JSON or YAML. */
export function valueWords(value: unknown, within?: string): Words {
  return { en: short(spoken(value, within, 'en')), zh: short(spoken(value, within, 'zh')) }
}

function spoken(value: unknown, within: string | undefined, language: Language): string {
  if (value === undefined) return '–'
  if (value === null || value === '') return language === 'en' ? 'empty' : '空'
  if (typeof value === 'boolean') return language === 'en' ? (value ? 'yes' : 'no') : value ? '是' : '否'
  if (typeof value !== 'object') return String(value)
  const [comma, semicolon, open, close] = language === 'en' ? [', ', '; ', ' (', ')'] : ['，', '；', '（', '）']
  if (Array.isArray(value)) {
    if (value.length === 0) return language === 'en' ? 'none' : '无'
    const deep = value.some((item) => typeof item === 'object' && item !== null)
    return value.map((item) => spoken(item, within, language)).join(deep ? semicolon : comma)
  }
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined)
  const [only] = entries
  if (!only) return language === 'en' ? 'as by default' : '默认'
  // `{ value: 5 }` is a percentage, `{ number: 80 }` a port.
  if (entries.length === 1 && only[0] === 'value') return `${spoken(only[1], within, language)} %`
  if (entries.length === 1 && only[0] === 'number') return spoken(only[1], within, language)
  return entries
    .map(([key, inner]) => {
      const name = fieldWords(key, within)[language]
      const text = spoken(inner, key, language)
      const several = isObject(inner) && Object.keys(inner).length > 1
      return several ? `${name}${open}${text}${close}` : `${name} ${text}`
    })
    .join(comma)
}

function short(text: string): string {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text
}

function own<Value>(map: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(map, key) ? map[key] : undefined
}
