import {
  autocompletion,
  type CompletionContext,
  type CompletionResult,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from '@codemirror/autocomplete'
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands'
import { yaml } from '@codemirror/lang-yaml'
import {
  bracketMatching,
  codeFolding,
  foldGutter,
  foldKeymap,
  HighlightStyle,
  indentOnInput,
  indentUnit,
  syntaxHighlighting,
} from '@codemirror/language'
import { type Diagnostic, diagnosticCount, lintGutter, lintKeymap, setDiagnostics } from '@codemirror/lint'
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search'
import { Annotation, Compartment, EditorSelection, EditorState, StateEffect, StateField } from '@codemirror/state'
import {
  Decoration,
  type DecorationSet,
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
  type Tooltip,
} from '@codemirror/view'
import { tags } from '@lezer/highlight'
import type { Change } from '../yaml/index.ts'
import './code.css'
import type { FieldHint, Suggestions } from './context-at.ts'

export interface CodeOptions {
  readonly parent: HTMLElement
  readonly text: string
  readonly label: string
  /** Every change of the text; whether a person typed it. */
  readonly onText: (typed: boolean) => void
  /** Another element has the focus now. */
  readonly onLeave: () => void
  /** The cursor was moved by a person. */
  readonly onCursor: (offset: number) => void
  /** Ctrl-S. */
  readonly onSave: () => void
  readonly suggest: (text: string, offset: number) => Suggestions | undefined
  readonly hint: (text: string, offset: number) => FieldHint | undefined
}

/** An editor of one text: the text is its state, and its history is the way back for forms, too. */
export interface CodeView {
  readonly text: () => string
  /** Where the cursor is; undefined while the editor has no focus. */
  readonly cursor: () => number | undefined
  /** Changes made by a form; the place is shown. */
  readonly change: (changes: readonly Change[]) => void
  /** Another text altogether, as one step of the history. */
  readonly replace: (text: string) => void
  readonly problems: (found: readonly Diagnostic[]) => void
  /** Marks a place, and scrolls no farther than it takes to show it. */
  readonly reveal: (from: number, to: number) => void
  /** Marks a place, puts the cursor there and scrolls it to the middle. */
  readonly goTo: (from: number, to: number) => void
  readonly readOnly: (value: boolean) => void
  readonly focus: () => void
  readonly destroy: () => void
}

const byForm = Annotation.define<true>()
const mark = StateEffect.define<{ readonly from: number; readonly to: number } | undefined>()

const marked = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(value, transaction) {
    let next = value.map(transaction.changes)
    for (const effect of transaction.effects)
      if (effect.is(mark)) {
        const at = effect.value
        next =
          !at || at.from >= at.to
            ? Decoration.none
            : Decoration.set(Decoration.mark({ class: 'cm-place' }).range(at.from, at.to))
      }
    return next
  },
  provide: (field) => EditorView.decorations.from(field),
})

const colours = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: 'var(--code-key)' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--code-string)' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: 'var(--code-number)' },
  { tag: tags.comment, color: 'var(--code-comment)', fontStyle: 'italic' },
  { tag: [tags.meta, tags.labelName, tags.typeName, tags.keyword], color: 'var(--code-meta)' },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace], color: 'var(--code-quiet)' },
])

const look = EditorView.theme({
  '&': { height: '100%', fontSize: '13px', backgroundColor: 'transparent', color: 'var(--mantine-color-text)' },
  '.cm-scroller': { fontFamily: 'var(--mantine-font-family-monospace)', lineHeight: '1.6' },
  // Text that is scrolled to the side goes below it.
  '.cm-gutters': { backgroundColor: 'var(--mantine-color-body)', color: 'var(--code-quiet)', border: 'none' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--code-line)' },
  '.cm-cursor': { borderLeftColor: 'var(--mantine-color-text)' },
  '&.cm-focused': { outline: '2px solid var(--mesh-focus)', outlineOffset: '-2px' },
  '&.cm-focused .cm-selectionBackground, .cm-selectionBackground': {
    backgroundColor: 'var(--code-selection) !important',
  },
  '.cm-place': { backgroundColor: 'var(--code-place)', borderRadius: '3px' },
  '.cm-tooltip': {
    backgroundColor: 'var(--mantine-color-body)',
    border: '1px solid var(--mantine-color-default-border)',
    borderRadius: '6px',
    color: 'var(--mantine-color-text)',
  },
  '.cm-tooltip-autocomplete ul li[aria-selected]': {
    backgroundColor: 'var(--mantine-primary-color-filled)',
    color: 'var(--mantine-color-white)',
  },
  '.cm-completionInfo': { padding: '6px 10px', maxWidth: '340px' },
  '.cm-hint': { padding: '6px 10px', maxWidth: '420px', fontSize: '12.5px' },
  '.cm-hint code': { fontFamily: 'var(--mantine-font-family-monospace)' },
})

/** Makes an editor in an element. Escape, then Tab leaves it: nobody is caught by a field that takes Tab. */
export function createCodeView(options: CodeOptions): CodeView {
  const editable = new Compartment()
  const view = new EditorView({
    parent: options.parent,
    state: EditorState.create({
      doc: options.text,
      extensions: [
        // One kind of line end: what the file has beside it is kept elsewhere.
        EditorState.lineSeparator.of('\n'),
        indentUnit.of('  '),
        EditorState.tabSize.of(2),
        lineNumbers(),
        foldGutter(),
        codeFolding(),
        lintGutter(),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        highlightSelectionMatches(),
        yaml(),
        syntaxHighlighting(colours),
        look,
        marked,
        editable.of([]),
        // Focusable also while it cannot be edited: it is scrolled by keys.
        EditorView.contentAttributes.of({ 'aria-label': options.label, spellcheck: 'false', tabindex: '0' }),
        autocompletion({ override: [completions(options)], icons: false }),
        hoverTooltip((view, at) => hover(options, view.state.doc.toString(), at)),
        keymap.of([
          { key: 'Mod-s', preventDefault: true, run: save(options) },
          ...closeBracketsKeymap,
          ...defaultKeymap,
          ...searchKeymap,
          ...historyKeymap,
          ...foldKeymap,
          ...completionKeymap,
          ...lintKeymap,
          indentWithTab,
        ]),
        EditorView.updateListener.of((update) => {
          const person = update.transactions.some((one) => one.isUserEvent('select') || one.isUserEvent('input'))
          const made = update.transactions.some((one) => one.annotation(byForm))
          if (update.docChanged) options.onText(!made)
          if (update.focusChanged && !update.view.hasFocus) options.onLeave()
          if ((update.selectionSet || update.docChanged) && person && !made)
            options.onCursor(update.state.selection.main.head)
        }),
      ],
    }),
  })
  return {
    text: () => view.state.doc.toString(),
    cursor: () => (view.hasFocus ? view.state.selection.main.head : undefined),
    change(changes) {
      if (changes.length === 0) return
      const set = view.state.changes([...changes])
      const first = changes[0]!
      // What begins with a new line stands there, not at the end of the one before, which may be out of sight.
      const breaks = /^\n*/.exec(first.insert ?? '')![0].length
      view.dispatch({
        changes: set,
        annotations: byForm.of(true),
        userEvent: 'input.form',
        effects: EditorView.scrollIntoView(Math.min(set.mapPos(first.from, -1) + breaks, set.newLength), {
          y: 'nearest',
          yMargin: 60,
        }),
      })
    },
    replace(text) {
      if (text === view.state.doc.toString()) return
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: text },
        annotations: byForm.of(true),
        userEvent: 'input.replace',
      })
    },
    problems(found) {
      if (found.length === 0 && diagnosticCount(view.state) === 0) return
      const most = view.state.doc.length
      const within = found.map((one) => ({ ...one, from: Math.min(one.from, most), to: Math.min(one.to, most) }))
      view.dispatch(setDiagnostics(view.state, within))
    },
    reveal(from, to) {
      const place = placeIn(view, from, to)
      view.dispatch({ effects: [mark.of(place), EditorView.scrollIntoView(place.from, { y: 'nearest', yMargin: 60 })] })
    },
    goTo(from, to) {
      const place = placeIn(view, from, to)
      view.dispatch({
        effects: [mark.of(place), EditorView.scrollIntoView(place.from, { y: 'center', yMargin: 60 })],
        selection: EditorSelection.cursor(place.from),
      })
      view.focus()
    },
    readOnly(value) {
      view.dispatch({
        effects: editable.reconfigure(value ? [EditorState.readOnly.of(true), EditorView.editable.of(false)] : []),
      })
    },
    focus: () => view.focus(),
    destroy: () => view.destroy(),
  }
}

/** Within the text, whatever became of it meanwhile. */
function placeIn({ state }: EditorView, from: number, to: number) {
  return { from: Math.min(from, state.doc.length), to: Math.min(to, state.doc.length) }
}

function save({ onSave }: CodeOptions) {
  return () => {
    onSave()
    return true
  }
}

function completions({ suggest }: CodeOptions) {
  return (context: CompletionContext): CompletionResult | null => {
    const found = suggest(context.state.doc.toString(), context.pos)
    if (!found || (!context.explicit && found.from === found.to && !/:\s+$/.test(lineBefore(context)))) return null
    return {
      from: found.from,
      to: found.to,
      validFor: /^[\w./*-]*$/,
      options: found.options.map(({ label, insert, detail, doc, deprecated }) => ({
        label,
        apply: insert,
        detail,
        ...(doc ? { info: doc } : {}),
        ...(deprecated ? { boost: -10 } : {}),
      })),
    }
  }
}

function lineBefore({ state, pos }: CompletionContext): string {
  return state.doc.sliceString(state.doc.lineAt(pos).from, pos)
}

function hover({ hint }: CodeOptions, text: string, at: number): Tooltip | null {
  const found = hint(text, at)
  if (!found) return null
  return {
    pos: found.from,
    end: found.to,
    above: true,
    create() {
      const dom = document.createElement('div')
      dom.className = 'cm-hint'
      const title = document.createElement('code')
      title.textContent = `${found.title}  ${found.type}`
      const body = document.createElement('div')
      body.textContent = found.doc
      dom.append(title, body)
      return { dom }
    },
  }
}
