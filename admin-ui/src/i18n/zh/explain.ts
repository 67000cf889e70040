import type { Dictionary } from '../dictionary.ts'

export const explain: Dictionary['explain'] = {
  title: '请求解释',
  lead: '请求经过代理的路径，以及决定每一步的配置行。不会真正发送请求。',
  method: '方法',
  url: 'URL',
  node: '代理（节点 ID）',
  headers: '请求头，每行一个',
  ask: '解释',
  none: '查询一个请求会去哪里',
  noneHint: '按工作负载调用的方式填写 URL，例如 http://reviews/ 或 tcp://redis:6379。代理不必已连接。',
  'outcome.endpoints': '请求到达端点',
  'outcome.answer': '由代理直接应答',
  'outcome.none': '请求无处可去',
  'step.listener': '监听器',
  'step.virtual-host': '虚拟主机',
  'step.route': '路由',
  'step.fault': '故障注入',
  'step.mirror': '流量镜像',
  'step.cluster': '集群',
  'step.endpoints': '端点',
  'step.end': '结束',
}
