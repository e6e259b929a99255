import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import { SQLite, sql } from '@codemirror/lang-sql';
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { EditorState, Prec, type Transaction } from '@codemirror/state';
import { drawSelection, EditorView, keymap } from '@codemirror/view';
import { tags } from '@lezer/highlight';
import type { Schema } from '../database/database.ts';
import { completeInScope } from './complete-in-scope.ts';

export interface CodeEditorOptions {
  readonly text: string;
  readonly schema: Schema;
  readonly onChange: (text: string) => void;
  /** Ctrl-Enter, or Cmd-Enter on a Mac. */
  readonly onRun: (text: string) => void;
}

/** The page's own colours reach into the shadow root as custom properties. */
const look = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'transparent', fontSize: '13.5px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { padding: '13px 16px', caretColor: 'var(--accent)', minHeight: '70px' },
  '.cm-line': { padding: '0' },
  '.cm-cursor': { borderLeftColor: 'var(--accent)', borderLeftWidth: '2px' },
  '.cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground': {
    backgroundColor: 'var(--highlight)',
  },
  '.cm-matchingBracket, &.cm-focused .cm-matchingBracket': { backgroundColor: 'var(--accent-wash)' },
  '.cm-tooltip': { backgroundColor: 'var(--raised)', border: '1px solid var(--rule)', borderRadius: '6px', overflow: 'hidden' },
  '.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)' },
  '.cm-tooltip-autocomplete ul li[aria-selected]': { backgroundColor: 'var(--accent)', color: 'var(--accent-ink)' },
});

const colours = HighlightStyle.define([
  { tag: tags.keyword, color: 'var(--sql-keyword)', fontWeight: '600' },
  { tag: [tags.string, tags.special(tags.string)], color: 'var(--sql-string)' },
  { tag: [tags.number, tags.bool, tags.null], color: 'var(--sql-number)' },
  { tag: tags.comment, color: 'var(--muted)', fontStyle: 'italic' },
]);

/** What the browser would replace: its own range, since a change of the selection reaches the editor's state a moment later. */
function replaced(event: InputEvent, view: EditorView): { readonly from: number; readonly to: number } {
  const [range] = event.getTargetRanges();
  if (!range || range.collapsed) return view.state.selection.main;
  return { from: view.posAtDOM(range.startContainer, range.startOffset), to: view.posAtDOM(range.endContainer, range.endOffset) };
}

/**
 * Typing over a selection is done here rather than by the browser: Chrome would put the typed text into a <span> with the look of what
 * it replaces as a style attribute, which the policy refuses and reports.
 */
const typeOverSelection = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { data } = event;
    if (event.inputType !== 'insertText' || event.isComposing || data === null) return false;
    const { from, to } = replaced(event, view);
    if (from === to) return false;
    const replace = (): Transaction =>
      view.state.update({
        changes: { from, to, insert: data },
        selection: { anchor: from + data.length },
        userEvent: 'input.type',
        scrollIntoView: true,
      });
    const isHandled = view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, data, replace));
    if (!isHandled) view.dispatch(replace());
    event.preventDefault();
    return true;
  },
});

/** For completion: every table with its columns. */
function completions(schema: Schema): Record<string, string[]> {
  return Object.fromEntries(schema.tables.map((table) => [table.name, table.columns.map((column) => column.name)]));
}

/**
 * Opens CodeMirror inside the element and returns what closes it.
 *
 * In a shadow root, because CodeMirror writes its style rules into a <style> element, which `style-src 'self'` forbids; in a shadow
 * root it adopts a constructed sheet instead, which is no inline style.
 */
export function openCodeEditor(host: HTMLElement, options: CodeEditorOptions): () => void {
  const { text, schema, onChange, onRun } = options;
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const run = (view: EditorView): boolean => {
    onRun(view.state.doc.toString());
    return true;
  };
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        // Before the default keymap, whose Mod-Enter opens a line.
        Prec.highest(keymap.of([{ key: 'Mod-Enter', run }])),
        history(),
        drawSelection(),
        indentOnInput(),
        bracketMatching(),
        closeBrackets(),
        autocompletion(),
        typeOverSelection,
        EditorView.lineWrapping,
        // Tab stays with the page: someone without a mouse must be able to leave.
        keymap.of([...closeBracketsKeymap, ...completionKeymap, ...historyKeymap, ...defaultKeymap]),
        sql({ dialect: SQLite, schema: completions(schema), upperCaseKeywords: true }),
        SQLite.language.data.of({ autocomplete: completeInScope(schema) }),
        syntaxHighlighting(colours),
        look,
        EditorView.contentAttributes.of({ 'aria-label': 'SQL', spellcheck: 'false', autocapitalize: 'off' }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) onChange(update.state.doc.toString());
        }),
      ],
    }),
  });
  view.focus();
  return () => view.destroy();
}
