import type { Icon } from '@tabler/icons-react'
import { type AnyRoute, createRootRoute } from '@tanstack/react-router'
import type { ParseKeys } from 'i18next'
import type { ComponentType } from 'react'

/** A link of the main navigation. */
export interface NavItem {
  readonly to: string
  /** Key among the texts `common`. */
  readonly label: ParseKeys<'common'>
  readonly icon: Icon
  /** After `g`: `g p` goes to proxies. */
  readonly key: string
  /** Smaller ones stand further up. */
  readonly order: number
}

/** One part of the UI: its pages, its place in the navigation, what it shows in the header. */
export interface Area {
  readonly routes: readonly AnyRoute[]
  readonly nav?: NavItem
  /** Shown in the header on every page, for example a basket of drafts. */
  readonly header?: ComponentType
}

/** The parent of every page's route; the shell around the pages is set where the router is made. */
export const rootRoute = createRootRoute()
