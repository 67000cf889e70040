import { createTheme, type MantineColorsTuple } from '@mantine/core'

const mesh: MantineColorsTuple = [
  '#e6f7f9',
  '#d3ecf0',
  '#a7d8e0',
  '#77c3cf',
  '#51b1c1',
  '#38a5b8',
  '#2390a5',
  '#0f6e84',
  '#0a5c6f',
  '#034a5a',
]

/** Blue-grey, so that surfaces and text belong to the colour of the mesh. */
const dark: MantineColorsTuple = [
  '#d5dbe0',
  '#b6bfc7',
  '#98a4ae',
  '#6c7a86',
  '#3d4955',
  '#2f3a45',
  '#222b34',
  '#182028',
  '#121920',
  '#0c1116',
]

/** One look for every page. Fonts are the system's: nothing is loaded. */
export const theme = createTheme({
  primaryColor: 'mesh',
  primaryShade: { light: 7, dark: 7 },
  colors: { mesh, dark },
  defaultRadius: 'md',
  respectReducedMotion: true,
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", "Noto Sans SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "SF Mono", Menlo, Consolas, "Noto Sans Mono CJK SC", monospace',
  headings: {
    fontWeight: '640',
    sizes: { h1: { fontSize: '1.5rem' }, h2: { fontSize: '1.0625rem' }, h3: { fontSize: '0.95rem' } },
  },
  cursorType: 'pointer',
  components: {
    Tooltip: { defaultProps: { withArrow: true, openDelay: 200, events: { hover: true, focus: true, touch: true } } },
    Table: { defaultProps: { verticalSpacing: 8 } },
    Paper: { defaultProps: { radius: 'md' } },
    Badge: { defaultProps: { radius: 'sm', tt: 'none', fw: 550 } },
  },
})
