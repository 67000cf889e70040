import { type HiddenHost, hiddenHosts, type Model, type Scope } from '../model/index.ts'
import { withoutPort } from '../xds/routes/index.ts'
import { joined, type Wording } from './wording.ts'

/** What there is under a host that proxies of a class do not see. */
export function hiddenUnder(model: Model | undefined, scope: Scope, authority: string): readonly HiddenHost[] {
  return model ? hiddenHosts(model, scope, withoutPort(authority).toLowerCase()) : []
}

/** Why a proxy of a namespace does not see a host, and what to do about it. */
export function describeHidden({ host, namespace, by, values }: HiddenHost, viewer: string): Wording {
  const list = values.join(', ')
  const declared = {
    en: `is declared in namespace ${namespace}, and hidden from this proxy`,
    zh: `在命名空间 ${namespace} 中声明，但对此代理不可见`,
  }
  switch (by) {
    case 'exportTo':
      return because(declared, {
        en: `exportTo (${list}) does not name its namespace, ${viewer}`,
        zh: `exportTo（${list}）不包含其命名空间 ${viewer}`,
      })
    case 'sidecar':
      return because(declared, {
        en: `the egress hosts of its Sidecar document do not let in ${namespace}/${host}`,
        zh: `其 Sidecar 文档的 egress hosts 没有放行 ${namespace}/${host}`,
      })
    case 'gateways':
      return {
        en: `a rule of namespace ${namespace} has it, for the gateways ${list} only, and this proxy is none of them`,
        zh: `命名空间 ${namespace} 的一条规则声明了它，但只用于网关 ${list}，不包括此代理`,
      }
    case 'namespace': {
      const [name] = host.split('.')
      return {
        en: `is of namespace ${namespace}; a name without dots is one of the proxy's own namespace, ${viewer}: call ${name}.${namespace}`,
        zh: `属于命名空间 ${namespace}；不含点的名称指代理自己的命名空间 ${viewer}：请使用 ${name}.${namespace}`,
      }
    }
  }
}

const because = (what: Wording, why: Wording) => joined([what, why], ': ', '：')
