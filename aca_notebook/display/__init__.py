"""Pure drawing: values become text, HTML, SVG and plotly figures. Nothing here talks to anything."""
