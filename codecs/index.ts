/** The room's entry: what others may use of the codecs. */
export * from './contract.ts'
export { type CheckedProtocol, checkDocument, checkProtocols, type LocatedIssue } from './document.ts'
export { type CompileResult, compileProtocol } from './layout/compile.ts'
export type { Issue, IssuePath } from './layout/issue.ts'
export { type ProtocolSpec, protocolSpec } from './layout/schema.ts'
export {
  type CodecModule,
  codecOf,
  loadCodec,
  ProtocolError,
  protocolFile,
  type ShippedProtocol,
  shippedCodec,
  shippedProtocols,
} from './load.ts'
export { fieldValue, toUint64 } from './values.ts'
