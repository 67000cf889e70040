import { hasField, type ProtocolInfo } from '../../config/protocols.ts'

/**
 * Names that Aeraki's codecs give to attributes where our protocols call the field otherwise
 * (https://github.com/aeraki-mesh/meta-protocol-proxy/tree/master/src/application_protocols).
 */
const ALIASES: Readonly<Record<string, string>> = {
  interface: 'service',
  func: 'method',
}

/**
 * The field an attribute of a MetaRouter or a header of a VirtualService stands for: the protocol's field of that name, the
 * field it calls otherwise, else an entry of the map where it carries free attributes (attachments, trans_info, headers). With
 * none of them the name stays: no message has it, so such a condition never holds.
 */
export function attributeField(info: ProtocolInfo, attribute: string): string {
  if (hasField(info, attribute)) return attribute
  const alias = ALIASES[attribute]
  if (alias !== undefined && info.fields.has(alias)) return alias
  const [map] = info.maps
  return map === undefined ? attribute : `${map}.${attribute}`
}
