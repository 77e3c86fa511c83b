// Puts a form made of ipywidgets into its place: their views, drawn by the page's own widget manager.

export default () => ({
  initialize: ({ model }) => {
    model.send({ kind: "here" });
  },
  render: ({ model, el }) => {
    const views = [];
    let gone = false;
    el.className = "aca-lv-on aca-lv-form";
    const draw = async (reference) => {
      const child = await model.widget_manager.get_model(reference.replace("IPY_MODEL_", ""));
      const view = await model.widget_manager.create_view(child);
      if (gone) {
        view.remove();
        return;
      }
      views.push(view);
      el.append(view.el);
      view.trigger("displayed");
    };
    (async () => {
      for (const reference of model.get("children")) await draw(reference);
    })();
    return () => {
      gone = true;
      for (const view of views) view.remove();
    };
  },
});
