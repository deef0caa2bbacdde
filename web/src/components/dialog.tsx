import { type ReactNode, useLayoutEffect, useRef } from 'react';
import { t } from '../lib/i18n';
import { Icon } from './icon';
import { ErrorNote } from './notes';

interface Props {
  title: string;
  onClose: () => void;
  wide?: boolean;
  children: ReactNode;
}

/**
 * Shown as long as it is rendered; the browser keeps the focus in it and gives it back. The focus begins at
 * what is marked with data-focus.
 */
export function Dialog({ title, onClose, wide = false, children }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  // As a layout effect: closing gives the focus back only while the dialog is still in the page.
  useLayoutEffect(() => {
    const dialog = box.current;
    dialog?.showModal();
    dialog?.querySelector<HTMLElement>('[data-focus]')?.focus();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={box}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === box.current) onClose(); // the backdrop
      }}
      className={`card text-ink m-auto w-[calc(100vw-1.5rem)] backdrop:bg-black/50 ${wide ? 'max-w-2xl' : 'max-w-md'}`}
    >
      <div className="p-5">
        <div className="mb-3 flex items-start gap-3">
          <h2 className="mr-auto min-w-0 text-lg break-words">{title}</h2>
          <button type="button" className="icon-button -m-2" aria-label={t('act.close')} onClick={onClose}>
            <Icon name="close" />
          </button>
        </div>
        {children}
      </div>
    </dialog>
  );
}

export const DialogActions = ({ children }: { children: ReactNode }) => (
  <div className="mt-5 flex flex-wrap justify-end gap-2">{children}</div>
);

interface FormProps extends Props {
  action: { mutate: () => void; isPending: boolean; error: unknown };
  submit: string;
  disabled?: boolean;
}

/** A dialog that is a form of one action, which tells its own errors. */
export const FormDialog = ({ action, submit, disabled = false, children, ...dialog }: FormProps) => (
  <Dialog {...dialog}>
    <form
      className="space-y-3"
      onSubmit={(event) => {
        event.preventDefault();
        action.mutate();
      }}
    >
      {children}
      {action.error !== null && <ErrorNote error={action.error} />}
      <DialogActions>
        <button type="button" className="button" onClick={dialog.onClose}>
          {t('act.cancel')}
        </button>
        <button type="submit" className="button button-main" disabled={disabled || action.isPending}>
          {submit}
        </button>
      </DialogActions>
    </form>
  </Dialog>
);
