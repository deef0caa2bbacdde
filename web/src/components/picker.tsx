import { type ReactNode, useEffect, useRef } from 'react';

interface Props {
  children: ReactNode;
  onFiles: (files: File[]) => void;
  multiple?: boolean;
  folder?: boolean;
  main?: boolean;
  id?: string;
}

/** A button that opens the system's file dialogue. */
export function Picker({ children, onFiles, multiple = false, folder = false, main = false, id }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current) input.current.webkitdirectory = folder;
  }, [folder]);
  return (
    <>
      <button
        type="button"
        className={`button ${main ? 'button-main' : ''}`}
        onClick={() => input.current?.click()}
      >
        {children}
      </button>
      <input
        ref={input}
        id={id}
        type="file"
        hidden
        multiple={multiple}
        accept={folder ? undefined : 'image/*,.heic,.heif,.avif,.pgm,.ppm,.pnm,.tif,.tiff'}
        onChange={(event) => {
          onFiles(Array.from(event.target.files ?? []));
          event.target.value = '';
        }}
      />
    </>
  );
}
