import type { ServerFiles } from '../../certificates/pem-files.ts'

/** Certificates of the xDS server, and whom of its clients it believes. */
export interface TlsFiles extends ServerFiles {
  /** Only SPIFFE ids of this trust domain count. */
  readonly trustDomain?: string
}
