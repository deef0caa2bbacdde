import { type ReactNode, useEffect, useRef } from 'react';
import { isClutter } from '../lib/files';
import { addFiles } from '../lib/intake';

interface Props {
  children: ReactNode;
  onFiles: (files: File[]) => void;
  multiple?: boolean;
  folder?: boolean;
  className?: string;
  id: string;
}

const PICTURES = 'image/*,.heic,.heif,.avif,.pgm,.ppm,.pnm,.tif,.tiff';
/** By name too, where systems know no type. */
const READ = `${PICTURES},video/*,.mp4,.m4v,.mov,.mkv,.webm,.avi,.wmv,.flv,.mpg,.mpeg,.ts,.mts,.3gp`;

/** A button that opens the system's file dialogue. */
export function Picker({ children, onFiles, multiple, folder = false, className = 'button', id }: Props) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current) input.current.webkitdirectory = folder;
  }, [folder]);
  return (
    <>
      <button type="button" className={className} onClick={() => input.current?.click()}>
        {children}
      </button>
      <input
        ref={input}
        id={id}
        type="file"
        hidden
        multiple={multiple}
        accept={folder ? undefined : multiple ? READ : PICTURES}
        onChange={(event) => {
          onFiles(Array.from(event.target.files ?? []).filter((file) => !isClutter(file.name)));
          event.target.value = '';
        }}
      />
    </>
  );
}

/** The same without a button on the page: for the key. */
export function chooseFiles() {
  const input = document.createElement('input');
  input.type = 'file';
  input.multiple = true;
  input.accept = READ;
  input.onchange = () => addFiles(Array.from(input.files ?? []));
  input.click();
}
