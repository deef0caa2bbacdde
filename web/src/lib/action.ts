import { type QueryKey, useMutation, useQueryClient } from '@tanstack/react-query';
import { tell, tellError } from './notices';

interface Options<Given, Made> {
  /** What is to be read again afterwards. */
  refresh?: QueryKey[];
  done?: (made: Made, given: Given) => void;
  said?: (made: Made, given: Given) => string;
  /** The form shows the error itself. */
  inline?: boolean;
}

/** Something that changes the server's state, with what the page does about it. */
export function useAction<Given = void, Made = unknown>(
  run: (given: Given) => Promise<Made>,
  { refresh = [], done, said, inline = false }: Options<Given, Made> = {},
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: (made, given) => {
      for (const queryKey of refresh) void client.invalidateQueries({ queryKey });
      if (said) tell(said(made, given));
      done?.(made, given);
    },
    onError: (error) => {
      if (!inline) tellError(error);
    },
  });
}
