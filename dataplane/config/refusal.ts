/** A resource that cannot be taken. The message says where in it and why, for the control plane and whoever wrote the YAML behind it. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
}

/** @throws Refusal */
export function refuse(path: string, why: string): never {
  throw new Refusal(`${path}: ${why}`)
}
