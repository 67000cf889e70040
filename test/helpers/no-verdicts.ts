import type { Verdicts } from '../../controlplane/subscription/verdicts.ts'

/** For serving without any memory: a refused resource is simply not sent again to whom refused it with its batch. */
export const NO_VERDICTS: Verdicts = {
  any: false,
  refused: [],
  publishable: (_type, _name, compiled) => compiled,
  usable: (resource) => resource,
  pinned: () => false,
  forClient: (_client, published) => published,
  refusing: () => false,
  isUnable: () => false,
  offerAgain: () => [],
  lastAccepted: () => undefined,
  isAccepted: () => false,
  accepted: () => {},
  holds: () => {},
  unfollowed: () => {},
  culprits: (batch) => batch.upserts,
  blame: () => [],
}
