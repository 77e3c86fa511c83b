/** The type under which a card keeps what it is of: `display/saved.py` writes it. */
export const MIME = 'application/vnd.aca-notebook.card+json';
