// A field for words to search for, with a button that clears it.
import { CloseIcon, SearchIcon } from "./icons";
import { t } from "./texts";
import { IconButton } from "./widgets";

interface Props {
  id?: string;
  label: string;
  placeholder?: string; // shorter than the label
  value: string;
  onInput: (words: string) => void;
  onEscape?: () => void; // without it, Escape closes what the field is in
}

export function SearchField({ id, label, placeholder = label, value, onInput, onEscape }: Props) {
  return (
    <div class="search" role="search">
      <SearchIcon size={16} />
      <input
        {...(id ? { id } : {})}
        type="text"
        inputMode="search"
        enterKeyHint="search"
        autocomplete="off"
        spellcheck={false}
        value={value}
        placeholder={placeholder}
        aria-label={label}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") onEscape?.();
        }}
      />
      {value && <IconButton icon={CloseIcon} label={t("styles.search.clear")} size={14} onClick={() => onInput("")} />}
    </div>
  );
}
