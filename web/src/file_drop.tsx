// A field that files are dropped on or chosen with.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";

interface Props {
  label: string;
  several?: boolean;
  small?: boolean; // a button rather than a field
  onFiles: (files: File[]) => void;
  children: ComponentChildren;
}

export const PICTURES = "image/*,.heic,.heif,.tif,.tiff,.avif,.jxl";

export function FileDrop({ label, several = false, small = false, onFiles, children }: Props) {
  const over = useSignal(false);
  return (
    <label
      class={small ? "button" : over.value ? "drop-here over" : "drop-here"}
      onDragOver={() => (over.value = true)}
      onDragLeave={() => (over.value = false)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation(); // else the page opens it as a photo
        over.value = false;
        dispatchEvent(new Event("dragend"));
        onFiles([...(event.dataTransfer?.files ?? [])]);
      }}
    >
      <input
        class="hidden"
        type="file"
        accept={PICTURES}
        multiple={several}
        aria-label={label}
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          event.currentTarget.value = "";
          if (files.length > 0) onFiles(files);
        }}
      />
      {children}
    </label>
  );
}
