import { Anchor, type AnchorProps } from '@mantine/core'
import { useRouter } from '@tanstack/react-router'
import type { ComponentPropsWithRef, MouseEvent } from 'react'

export type RouterLinkProps = ComponentPropsWithRef<'a'> & { readonly href: string }

/** A real link to a page of this UI: opens in place on a plain click, in a new tab as the browser does it. For `component=`. */
export function RouterLink({ href, onClick, ...props }: RouterLinkProps) {
  const router = useRouter()
  const click = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event)
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return
    event.preventDefault()
    router.history.push(href)
  }
  return <a href={href} onClick={click} {...props} />
}

/** The same in rows of long tables, where the component kit's own link costs too much. */
export function RowLink({ className = '', ...props }: RouterLinkProps) {
  return <RouterLink className={`row-link ${className}`} {...props} />
}

export type AppLinkProps = AnchorProps & Omit<RouterLinkProps, keyof AnchorProps> & { readonly href: string }

/** The same, looking like a link. */
export function AppLink(props: AppLinkProps) {
  return <Anchor component={RouterLink} {...props} />
}
