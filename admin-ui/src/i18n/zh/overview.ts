import type { Dictionary } from '../dictionary.ts'

export const overview: Dictionary['overview'] = {
  title: '概览',
  lead: '网格当前的运行状况。',
  'stat.connected': '已连接代理',
  'stat.gone_other': '{{count}} 个在几分钟内离线',
  'stat.synced': '已同步',
  'stat.stale': '未同步',
  'stat.nack': '拒绝配置 (NACK)',
  'stat.errors': '配置错误',
  'stat.warnings_other': '{{count}} 个警告',
  'problems.title': '问题',
  'problems.none': '没有发现问题。',
  'problems.more_other': '再显示 {{count}} 个',
  'changes.title': '最近变更',
  'changes.none': '尚无变更记录。编辑文件或在这里修改规则后会显示在此。',
  'changes.files_other': '{{count}} 个文件',
  'changes.source.api': '在此界面或通过 API 修改',
  'changes.source.files': '在文件中修改',
  'changes.source.rollback': '回滚',
  'changes.source.expiry': '规则到期',
}
