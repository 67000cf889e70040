import { similar } from '../similar.ts'
import { type Check, place } from './world.ts'

/** Delegates exist, are delegates, are visible, and none is forgotten. */
export const checkDelegates: Check = (world, complain) => {
  const used = new Set<string>()
  for (const root of world.of('VirtualService')) {
    for (const [index, { delegate }] of (root.spec.http ?? []).entries()) {
      if (!delegate) continue
      const path = ['spec', 'http', index, 'delegate']
      const { name = '', namespace = root.namespace } = delegate
      const target = world.get('VirtualService', namespace || root.namespace, name)
      if (!target) {
        const known = world
          .of('VirtualService')
          .filter(({ spec }) => !spec.hosts?.length)
          .map((one) => one.name)
        complain(
          root,
          'DELEGATE_NOT_FOUND',
          path,
          world.absent('VirtualService', namespace || root.namespace, name),
          similar(name, known),
        )
        continue
      }
      used.add(target.key)
      if (target.key === root.key)
        complain(root, 'DELEGATE_INVALID', path, 'a VirtualService cannot delegate to itself')
      else if (target.spec.hosts?.length)
        complain(
          root,
          'DELEGATE_INVALID',
          path,
          `${namespace}/${name} has hosts of its own (${place(target, ['spec', 'hosts'])}), a delegate has none`,
        )
      else if (target.spec.http?.some((route) => route.delegate))
        complain(root, 'DELEGATE_INVALID', path, `${namespace}/${name} delegates again, which is not followed`)
      else if (!world.visible(target, root.namespace))
        complain(root, 'DELEGATE_INVALID', path, `${namespace}/${name} is not exported to namespace ${root.namespace}`)
    }
  }
  for (const service of world.of('VirtualService'))
    if (!service.spec.hosts?.length && !used.has(service.key))
      complain(
        service,
        'DELEGATE_UNUSED',
        ['spec'],
        'the VirtualService has no hosts, and no other one delegates to it',
      )
}
