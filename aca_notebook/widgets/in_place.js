// Puts a view into its place: an element of an ordinary output, which a saved notebook keeps as nothing at all.
// This is put behind a view's own module, whose default export is `viewed` here (front_end.module).

const GRACE_MILLIS = 10_000; // a cell that is scrolled far away is taken out of the page, and comes back

export default () => {
  const { initialize, render } = viewed();
  return {
    initialize: ({ model }) => {
      const shown = new Map(); // place → { away, since it left the page }
      const selector = `[data-aca-view="${model.get("place")}"]`;

      const put = (place) => {
        const root = document.createElement("div");
        root.dataset.lmSuppressShortcuts = "true"; // the notebook's keys are not for who types here
        place.replaceChildren(root);
        shown.set(place, { away: render({ model, el: root }), left: 0 });
      };
      const take = (place) => {
        shown.get(place).away?.();
        shown.delete(place);
        place.replaceChildren();
      };
      const look = () => {
        for (const place of document.querySelectorAll(selector)) if (!shown.has(place)) put(place);
        for (const [place, held] of shown) {
          if (place.isConnected) held.left = 0;
          else if (!held.left) {
            held.left = Date.now();
            setTimeout(look, GRACE_MILLIS + 100);
          } else if (Date.now() - held.left > GRACE_MILLIS) take(place);
        }
      };
      let due = false;
      const soon = () => {
        if (due) return;
        due = true;
        setTimeout(() => {
          due = false;
          look();
        }, 50);
      };

      const page = new MutationObserver(soon);
      const end = () => {
        page.disconnect();
        for (const place of [...shown.keys()]) take(place);
      };
      page.observe(document.body, { childList: true, subtree: true });
      model.on("comm_live_update", end); // its kernel is gone: the static card stands again
      const close = initialize?.({ model });
      look();
      return () => {
        end();
        close?.();
      };
    },
  };
};
